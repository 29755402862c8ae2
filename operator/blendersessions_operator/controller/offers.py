"""Offer a desktop of a pool to a session that starts, or note why it gets none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from blendersessions.model.manifest import CLASS_KIND, Ref
from blendersessions.model.warm_pool import pool_of
from blendersessions_operator.planning import podstate
from blendersessions_operator.planning.endings import Explanation
from blendersessions_operator.planning.observed import Observed, Offer, owned
from blendersessions_operator.planning.pool_observed import PoolMember, is_uncertain
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.warm_start import EMPTY, FAILED, ColdReason, fits, why_cold

if TYPE_CHECKING:
    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext

_RESUMED: Final = Explanation(ColdReason.RESUMED, "It had a desktop before, under whose name it starts again.")
_DIFFERS: Final = Explanation(ColdReason.OTHER_SETTINGS, "The desktops of the pool have the settings of the class.")


def with_offer(context: ReconcilerContext, session: Session, observed: Observed) -> Observed:
    """Return the observation with the desktop that the session may take, or with the reason why there is none.

    A session that wants none any more loses what was offered to it.
    """
    pools, settings = context.pools, observed.settings
    if _room_is_news(context, session, observed):
        context.enqueue_pools()
    starts = observed.may_start and not session.suspend_requested and not session.deleting
    if settings is None or settings.warm_pool is None or not starts or observed.pod is not None:
        _take_back(context, session, observed)
        if session.suspend_requested:
            pools.cold.pop(session.uid, None)
        return replace(observed, cold_because=pools.cold.get(session.uid))
    why = _why_none(context, session, observed, settings)
    offer = _find(context, session, settings) if why is None else None
    if offer is not None:
        return replace(observed, offer=offer)
    pools.withdraw(session.uid)
    empty = _DIFFERS if pools.has_given_up(session.uid) else EMPTY
    pools.cold.setdefault(session.uid, why or empty)
    return replace(observed, cold_because=pools.cold[session.uid])


def _take_back(context: ReconcilerContext, session: Session, observed: Observed) -> None:
    """Take back what was offered to a session, and have its pool decide about it again if nobody took it."""
    key = Ref(CLASS_KIND, session.namespace, session.spec.class_name)
    if observed.pod is None and context.pools.offer_of(session) is not None:
        context.pools.put_back(session.uid, key)
        context.queue.add(key)
    context.pools.withdraw(session.uid)


def _room_is_news(context: ReconcilerContext, session: Session, observed: Observed) -> bool:
    """Note whether a session that starts finds room; return whether pools must know of it."""
    if observed.pod is not None and not session.deleting:
        return context.pools.note_pod(session, observed.pod)
    refused = observed.failures.get(Area.DESKTOP)
    if observed.may_start and not session.suspend_requested and not session.deleting:
        return refused is not None and context.pools.note_refusal(session, str(refused), observed.now)
    return context.pools.has_room(session.uid)


def surplus_of(context: ReconcilerContext, session: Session) -> tuple[Manifest, ...]:
    """Return the pods of a session besides the one of its desktop: mostly none."""
    taken = context.cache.pools.taken(session.uid)
    if not taken and session.desktop.name == session.generated_name:
        return ()
    names = {*taken, session.generated_name} - {session.desktop.name}
    pods = (context.cache.get(Ref("Pod", session.namespace, name)) for name in sorted(names))
    return tuple({"kind": "Pod"} | pod for pod in pods if pod is not None and owned(pod, session))


def _why_none(
    context: ReconcilerContext, session: Session, observed: Observed, settings: EffectiveSettings
) -> Explanation | None:
    """Return why a session is offered nothing; None if it may be offered something."""
    if (why := why_cold(session, settings)) is not None and session.desktop.name == session.generated_name:
        return why
    if context.pools.has_given_up(session.uid):
        return _DIFFERS
    if (known := context.pools.cold.get(session.uid)) is not None:
        return known
    if session.status.suspension is not None:
        return _RESUMED
    if session.desktop.name != session.generated_name:
        return FAILED
    had = observed.secret is not None or session.status.connection is not None or bool(session.status.desktop_name)
    return _RESUMED if had else None


def _find(context: ReconcilerContext, session: Session, settings: EffectiveSettings) -> Offer | None:
    """Return a desktop that the session can take as far as is known; others are passed over."""
    key = Ref(CLASS_KIND, session.namespace, session.spec.class_name)
    while (ref := context.pools.offer(session, key)) is not None:
        pod, secret = context.cache.get(ref), context.cache.get(Ref("Secret", *ref[1:]))
        if pod is not None and secret is not None and _can_be_taken(pod, secret):
            if fits(session, settings, pod):
                return Offer({"kind": "Pod"} | pod, secret)
            # All others of the pool are like it, but those of former settings.
            context.pools.put_back(session.uid, key)
            context.pools.give_up(session.uid)
            return None
        context.pools.withdraw(session.uid)
    return None


def _can_be_taken(pod: Manifest, secret: Manifest) -> bool:
    member = PoolMember(pod, secret)
    sound = not podstate.has_ended(pod) and not any(podstate.ends(pod)) and not is_uncertain(pod)
    # What else may be missing, such as its connection, the session makes.
    return bool(pool_of(pod)) and sound and podstate.is_ready(pod) and member.has_secret
