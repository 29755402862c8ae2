"""Observe a pool: read the caches, and ask Guacamole about its desktops if that is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import ConditionType
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.manifest import Ref
from blendersessions_operator.controller.failures import gather_failures
from blendersessions_operator.planning.pool_observed import (
    PoolMember,
    PoolObserved,
    access_of,
    has_labels,
    is_outdated,
    own_connections,
)
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import CLOSED, NETWORK_POLICY_KIND, PUBLIC
from blendersessions_operator.resources.pool_desktop import typical_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.model.access import AccessView
    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session_class import SessionClass
    from blendersessions_operator.controller.context import ReconcilerContext

CLAIM_TIME: Final = timedelta(seconds=5)
"""A session that has no desktop this long after its creation is waiting for something else than a worker."""


async def observe_pool(context: ReconcilerContext, key: Ref, failures: Mapping[Area, DomainError]) -> PoolObserved:
    """Return the observed state of the pool of a class, which may be gone.

    Args:
        context: the clients and caches.
        key: the class.
        failures: the failures of this reconciliation so far, by area. The result adds those of the questions.
    """
    failures = dict(failures)
    for pod in context.cache.pools.waiting(key):
        for ref in context.cache.unread_of(pod.namespace, pod.name):
            await context.reread(ref)
    observed = _from_caches(context, key, failures)
    unknown = [each for each in observed.members if each.has_secret and not each.access.inspected]
    if not unknown or Area.ACCESS in failures:
        return observed
    for member in unknown:
        asked = context.guacamole.inspect(access_of(member.name, key.namespace))
        failures |= await gather_failures([(Area.ACCESS, asked)])
        if Area.ACCESS in failures:
            break
    return _from_caches(context, key, failures)


def _from_caches(context: ReconcilerContext, key: Ref, failures: Mapping[Area, DomainError]) -> PoolObserved:
    cache, now = context.cache, datetime.now(UTC)
    of = cache.session_class(*key[1:])
    if of is not None and not of.uid:
        # The built-in class stands in for one that is gone. It has no pool.
        of = None
    settings = effective_settings(typical_session(of), of, context.installation) if of is not None else None
    policies = {name: cache.get(Ref(NETWORK_POLICY_KIND, key.namespace, name)) for name in (CLOSED, PUBLIC)}
    refusal = context.pools.refusal(key, now)
    return PoolObserved(
        now=now,
        namespace=key.namespace,
        installation=context.installation,
        session_class=of,
        settings=settings,
        members=tuple(_members(context, key, of, settings)),
        departed=_departed(context, key),
        policies={name: known for name, known in policies.items() if known is not None},
        claims_waiting=_claims_waiting(context, key, now),
        wanting=context.pools.wanting(key, now),
        claims=context.pools.claims(key, now),
        last_claim=context.pools.last_claim(key, now),
        strays=tuple(sorted(context.pools.strays.get(key, ()))),
        refused_until=refusal.until if refusal is not None else None,
        refusal=refusal.message if refusal is not None else "",
        failures=failures,
    )


def _members(
    context: ReconcilerContext, key: Ref, of: SessionClass | None, settings: EffectiveSettings | None
) -> list[PoolMember]:
    """Return the desktops that wait. One that is offered to a session is not the pool's to remove any more."""
    found, former, ages = [], context.pools.ages.pop(key, {}), {}
    for ref in context.cache.pools.waiting(key):
        pod = context.cache.get(ref)
        if pod is None or context.pools.is_offered(ref):
            continue
        outdated = True
        if of is not None and settings is not None:
            spec, known = former.get(pod["metadata"]["uid"], (None, True))
            known = known if spec is of.spec else is_outdated(pod, of, settings)
            ages[pod["metadata"]["uid"]] = of.spec, known
            outdated = known or not has_labels(pod, of, settings)
        found.append(
            PoolMember(
                pod={"kind": "Pod"} | pod,
                secret=context.cache.get(Ref("Secret", *ref[1:])),
                service=context.cache.get(Ref("Service", *ref[1:])),
                access=context.guacamole.view(access_of(ref.name, ref.namespace)),
                outdated=outdated,
                opened=ref in context.pools.opened,
            )
        )
    if ages:
        context.pools.ages[key] = ages
    return found


def _departed(context: ReconcilerContext, key: Ref) -> dict[str, AccessView]:
    """Return what desktops whose pods are gone still have in Guacamole, and forget the others."""
    views = {
        name: context.guacamole.view(access_of(name, key.namespace)) for name in context.pools.departed.pop(key, ())
    }
    found = {
        name: view
        for name, view in views.items()
        if own_connections(name, key.namespace, view) and context.cache.session_of_connection(name) is None
    }
    if found:
        context.pools.departed[key] = set(found)
    return found


def _claims_waiting(context: ReconcilerContext, key: Ref, now: datetime) -> bool:
    """Return whether a session of the class was created a moment ago, and has no desktop yet."""
    return any(
        session.is_starting
        and timedelta() <= now - session.created_at < CLAIM_TIME
        and session.status.condition(ConditionType.READY) is None
        and not context.cache.has_pod(session)
        for session in context.cache.sessions_of_class(*key[1:])
    )
