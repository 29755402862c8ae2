"""Plan the next steps for one pool: which desktops are made, completed and removed.

A desktop of a pool is its pod, and what belongs to that. While no session has taken it, its class controls the pod. A
removal names the version of the pod that was seen. So it fails if a session has taken the desktop since, and a session
that takes one fails if it was removed since.

A plan is made from scratch each time. Claims come first: no desktop is made while sessions wait for one, or for room.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions_operator.planning import pool_steps, steps
from blendersessions_operator.planning.pool_observed import (
    MemberState,
    PoolMember,
    PoolObserved,
    access_of,
    age_of,
    failed_since,
    own_connections,
    start_deadline_of,
    state_of,
)
from blendersessions_operator.planning.pool_removals import (
    FAILED_BACKOFF,
    alive,
    max_surge,
    members_by_state,
    removals,
    spare,
)
from blendersessions_operator.planning.pool_size import time_to_next_size
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import is_in_force, network_policies
from blendersessions_operator.resources.pool_desktop import pool_connection, pool_service, typical_session

if TYPE_CHECKING:
    from collections import defaultdict

    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.planning.pool_steps import PoolStep

CLAIM_PAUSE: Final = timedelta(seconds=1)
"""How long a pool waits for sessions that are about to take a desktop, before it looks again."""
REFILL_PAUSE: Final = timedelta(seconds=5)
"""How long after a claim a pool that has other desktops left makes none. Meanwhile the browser shows its first picture,
for which the start of another Blender on that node would leave little CPU."""
CLAIM_COUNT: Final = timedelta(minutes=1)
"""How long after a look the claims are counted again, so that their number goes down."""


@dataclass(frozen=True)
class PoolPlan:
    """Steps that do not depend on each other."""

    steps: tuple[PoolStep, ...] = ()


def plan_pool(observed: PoolObserved) -> PoolPlan:
    """Return the steps that can be carried out now to reach the pool that the class wants."""
    by_state = members_by_state(observed)
    todo = _leftovers(observed, by_state) if Area.ACCESS not in observed.failures else []
    if not observed.is_known:
        return PoolPlan(tuple(todo))
    going = removals(observed, by_state)
    if Area.DESKTOP not in observed.failures:
        todo += [*going, *(pool_steps.RemoveStray(ref, uid) for ref, uid in observed.strays)]
    leaving = {step.ref.name for step in going}
    left = alive(by_state)
    for member in left:
        todo += _revocations(member, observed)
        if member.name not in leaving:
            todo += _complete(member, observed)
    made = _growth(observed, by_state, len(left) - len(going))
    return PoolPlan((*todo, *_confined(observed, made, has_desktops=bool(left) and observed.pool is not None)))


def requeue_pool_after(observed: PoolObserved) -> timedelta | None:
    """Return the time after which time alone changes the plan; None if only an event can."""
    pool = observed.pool
    if pool is None:
        return None
    delays: list[timedelta | None] = [time_to_next_size(pool, observed.now)]
    for member in observed.members:
        state, age = state_of(member, observed), age_of(member, observed)
        if state is MemberState.READY:
            delays.append(pool.expire_after - age)
        elif state is MemberState.FAILED and Area.DESKTOP not in observed.failures:
            # After a failure the queue tries again.
            delays.append(failed_since(member, observed) + FAILED_BACKOFF - observed.now)
        elif state is MemberState.STARTING and age < start_deadline_of(observed):
            delays.append(start_deadline_of(observed) - age)
    if observed.claims_waiting:
        delays.append(CLAIM_PAUSE)
    if observed.claims:
        delays += [CLAIM_COUNT, refill_pause(observed, members_by_state(observed)) or None]
    if observed.wanting:
        delays.append(min(each.until for each in observed.wanting) - observed.now)
    if observed.refused_until is not None:
        delays.append(observed.refused_until - observed.now)
    first = min((delay for delay in delays if delay is not None), default=None)
    # Never at once, because what keeps a step from being planned may last.
    return max(first, CLAIM_PAUSE) if first is not None else None


def missing_pool_policies(observed: PoolObserved) -> list[Manifest]:
    """Return the network policies without which no desktop is made; none if the installation wants none."""
    installation = observed.installation
    if installation.network is None:
        return []
    wanted = network_policies(observed.namespace, installation.network, installation.fetch_networks)
    return [each for each in wanted if not is_in_force(observed.policies.get(each["metadata"]["name"]), each)]


def _growth(observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]], left: int) -> list[PoolStep]:
    """Return the new desktops: what is missing, a few at a time, and one at a time while most fail."""
    if observed.claims_waiting or observed.wanting or observed.refused_until is not None:
        return []
    if observed.failures.keys() & {Area.DESKTOP, Area.NETWORK}:
        return []
    if refill_pause(observed, by_state):
        return []
    failed = len(by_state[MemberState.FAILED])
    good = len(by_state[MemberState.READY]) + len(by_state[MemberState.EXPIRED])
    room = 1 if failed and failed >= good else max_surge(observed.wanted)
    count = min(
        observed.wanted + spare(observed, by_state) - left,
        room - len(by_state[MemberState.STARTING]),
    )
    return [pool_steps.MakeDesktop()] * count


def refill_pause(observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]]) -> timedelta:
    """Return for how long a pool makes no desktop after a claim, so that the person who works now has the node's CPU.

    A pool that is empty or less than half full does not wait, for the next person soon would.
    """
    left = len(by_state[MemberState.READY]) + len(by_state[MemberState.EXPIRED])
    is_low = not left or 2 * left < observed.wanted
    if observed.last_claim is None or is_low or observed.now < observed.last_claim:
        return timedelta()
    return max(timedelta(), observed.last_claim + REFILL_PAUSE - observed.now)


def _confined(observed: PoolObserved, made: list[PoolStep], *, has_desktops: bool) -> list[PoolStep]:
    """Return the policies that are missing, for desktops that there are or that would be made; else what is made."""
    missing = missing_pool_policies(observed) if made or has_desktops else []
    if not missing:
        return made
    return [steps.ApplyPolicy(policy) for policy in missing] if Area.NETWORK not in observed.failures else []


def _revocations(member: PoolMember, observed: PoolObserved) -> list[PoolStep]:
    """Return the grants that somebody gave: nobody may open a desktop before it is taken."""
    if Area.ACCESS in observed.failures:
        return []
    return [steps.Revoke(user, name) for user, name in sorted(member.access.grants)]


def _complete(member: PoolMember, observed: PoolObserved) -> list[PoolStep]:
    """Return what a desktop still lacks."""
    todo: list[PoolStep] = []
    of, pod = observed.session_class, member.pod
    if of is None:
        return todo
    if Area.DESKTOP not in observed.failures:
        if member.secret is None:
            todo.append(pool_steps.MakeSecret(pod))
        if member.service is None:
            todo.append(pool_steps.MakeService(pool_service(pod, typical_session(of)), pod))
    if Area.ACCESS in observed.failures or not member.access.inspected:
        return todo
    if member.secret is None or not member.has_secret or member.name in member.access.connections:
        return todo
    return [*todo, steps.CreateConnection(pool_connection(pod, of, member.secret))]


def _leftovers(observed: PoolObserved, by_state: dict[MemberState, list[PoolMember]]) -> list[PoolStep]:
    """Return the removal of what desktops have in Guacamole that are gone or being deleted: none can be taken.

    A connection that leads elsewhere is not theirs any more, and the sweep reports it.
    """
    todo: list[PoolStep] = [
        steps.RemoveConnection(each, access_of(name, observed.namespace))
        for name, access in sorted(observed.departed.items())
        for each in own_connections(name, observed.namespace, access)
    ]
    for member in by_state[MemberState.LEAVING]:
        access = access_of(member.name, observed.namespace)
        names = own_connections(member.name, observed.namespace, member.access)
        todo += [steps.RemoveConnection(name, access) for name in names]
    return todo
