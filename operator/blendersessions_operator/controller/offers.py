"""Offer a desktop of a pool to a session that starts, or note why it gets none."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.manifest import CLASS_KIND, Ref
from blendersessions.model.warm_pool import pool_of, was_of_pool
from blendersessions_operator.planning import podstate
from blendersessions_operator.planning.observed import Observed, Offer, owned
from blendersessions_operator.planning.pool_observed import PoolMember, access_of, is_uncertain
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.warm_start import EMPTY, FAILED, fits, has_fallen_back, why_cold, why_none
from blendersessions_operator.resources.pool_desktop import typical_session

if TYPE_CHECKING:
    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.endings import Explanation


def with_offer(context: ReconcilerContext, session: Session, observed: Observed) -> Observed:
    """Return the observation with the desktop that the session may take, or with the reason why there is none.

    What was offered to a session that takes it no more is its pool's again.
    """
    pools, settings = context.pools, observed.settings
    if _room_is_news(context, session, observed):
        context.enqueue_pools()
    if session.suspend_requested:
        pools.cold.pop(session.uid, None)
    if settings is None or settings.warm_pool is None or not _may_begin(session, observed) or observed.pod is not None:
        _take_back(context, session)
        if has_fallen_back(session, observed):
            pools.cold[session.uid] = FAILED
        if settings is not None and settings.warm_pool is not None and _is_starting_cold(session, observed):
            had = why_none(session, observed) if session.desktop.name != session.generated_name else None
            told = pools.cold.get(session.uid) or had or _why_cold(context, session, settings)
            pools.cold[session.uid] = told or EMPTY
        return replace(observed, cold_because=pools.cold.get(session.uid))
    why = pools.cold.get(session.uid) or why_none(session, observed)
    if why is None and pools.offered_to(session.uid) is None:
        why = _why_cold(context, session, settings)
    offer = _find(context, session, settings) if why is None else None
    if offer is not None:
        return replace(observed, offer=offer)
    _take_back(context, session)
    pools.cold[session.uid] = why or EMPTY
    return replace(observed, cold_because=pools.cold[session.uid])


def surplus_of(context: ReconcilerContext, session: Session) -> tuple[Manifest, ...]:
    """Return the pods of a session besides the one of its desktop: mostly none."""
    taken = context.cache.pools.taken(session.uid)
    if not taken and session.desktop.name == session.generated_name:
        return ()
    names = {*taken, session.generated_name} - {session.desktop.name}
    pods = (context.cache.get(Ref("Pod", session.namespace, name)) for name in sorted(names))
    return tuple({"kind": "Pod"} | pod for pod in pods if pod is not None and owned(pod, session))


def _may_begin(session: Session, observed: Observed) -> bool:
    wanted = not session.suspend_requested and not session.deleting and not session.spec_error
    return wanted and observed.may_start


def _is_starting_cold(session: Session, observed: Observed) -> bool:
    """Return whether a session has a pod of its own, was not ready yet, and is to run."""
    if session.suspend_requested:
        return False
    return observed.pod is not None and not was_of_pool(observed.pod) and session.status.ready_at is None


def _take_back(context: ReconcilerContext, session: Session) -> None:
    """Take back what was offered to a session, and have its pool decide about the desktop again."""
    if (key := context.pools.release(session.uid)) is not None:
        context.queue.add(key)


def _room_is_news(context: ReconcilerContext, session: Session, observed: Observed) -> bool:
    """Note whether a session that starts finds room; return whether pools must know of it."""
    if observed.pod is not None and not session.deleting:
        return context.pools.note_pod(session, observed.pod)
    refused = observed.failures.get(Area.DESKTOP)
    if _may_begin(session, observed):
        return refused is not None and context.pools.note_refusal(session, str(refused), observed.now)
    return context.pools.has_room(session.uid)


def _why_cold(context: ReconcilerContext, session: Session, settings: EffectiveSettings) -> Explanation | None:
    """Return why no desktop of the class's pool can serve a session."""
    of = context.cache.session_class(session.namespace, session.spec.class_name)
    if of is None:
        return None
    return why_cold(session, settings, of, effective_settings(typical_session(of), of, context.installation))


def _find(context: ReconcilerContext, session: Session, settings: EffectiveSettings) -> Offer | None:
    """Return a desktop that the session can take as far as is known; None if there is none."""
    key = Ref(CLASS_KIND, session.namespace, session.spec.class_name)
    former = context.pools.offered_to(session.uid)
    ref = context.pools.offer(session, key, functools.partial(_suits, context, session, settings))
    if ref is None or (former is not None and former != ref):
        # If the pool is not as its class wants it, or has to decide about the former one, nothing else may tell it so.
        context.queue.add(key)
    if ref is None:
        return None
    pod, secret = context.cache.get(ref), context.cache.get(Ref("Secret", *ref[1:]))
    return Offer({"kind": "Pod"} | pod, secret) if pod is not None and secret is not None else None


def _suits(context: ReconcilerContext, session: Session, settings: EffectiveSettings, ref: Ref) -> bool:
    """Return whether a session can take a pod. One of former settings of the class does not fit."""
    pod, secret = context.cache.get(ref), context.cache.get(Ref("Secret", *ref[1:]))
    if pod is None or secret is None or not _can_be_taken(pod, secret):
        return False
    seen = ref in context.pools.opened or context.guacamole.view(access_of(ref.name, ref.namespace)).grants
    return not seen and fits(session, settings, pod)


def _can_be_taken(pod: Manifest, secret: Manifest) -> bool:
    """Return whether a desktop waits and is whole. What may be missing in Guacamole, the session makes."""
    sound = not podstate.has_ended(pod) and not any(podstate.ends(pod)) and not is_uncertain(pod)
    waits = bool(pool_of(pod)) and was_of_pool(pod) and podstate.is_ready(pod)
    return waits and sound and PoolMember(pod, secret).has_secret
