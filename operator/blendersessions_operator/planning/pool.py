"""Plan the next steps for one pool: which desktops are made, completed and removed.

A desktop of a pool is its pod, and what belongs to that. While no session has taken it, its class controls the pod. A
removal names the version of the pod that was seen. So it fails if a session has taken the desktop since, and a session
that takes one fails if it was removed since.

A plan is made from scratch each time. Claims come first: no desktop is made while sessions wait for one, or for room.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.manifest import ref_of
from blendersessions_operator.planning import pool_steps, steps
from blendersessions_operator.planning.pool_observed import (
    MemberState,
    PoolMember,
    PoolObserved,
    access_of,
    age_of,
    start_deadline_of,
    state_of,
)
from blendersessions_operator.planning.pool_size import time_to_next_size
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import is_in_force, network_policies
from blendersessions_operator.resources.pool_desktop import pool_connection, pool_service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.planning.pool_steps import PoolStep

FAILED_BACKOFF: Final = timedelta(minutes=5)
"""How old a desktop that failed becomes before it is removed. Until then it has its place in the pool, so that an image
that never starts costs one attempt in this time for each place."""
CLAIM_PAUSE: Final = timedelta(seconds=1)
"""How long a pool waits for sessions that are about to take a desktop, before it looks again."""
_LEAST_SURGE: Final = 2
_MOST_SURGE: Final = 50
_SURGE_PART: Final = 5


@dataclass(frozen=True)
class PoolPlan:
    """Steps that do not depend on each other."""

    steps: tuple[PoolStep, ...] = ()


def max_surge(wanted: int) -> int:
    """Return how many desktops of a pool of this size are started at a time."""
    return min(_MOST_SURGE, max(_LEAST_SURGE, -(-wanted // _SURGE_PART)))


def plan_pool(observed: PoolObserved) -> PoolPlan:
    """Return the steps that can be carried out now to reach the pool that the class wants."""
    by_state = members_by_state(observed)
    todo = _leftovers(observed, by_state) if Area.ACCESS not in observed.failures else []
    if not observed.is_known:
        return PoolPlan(tuple(todo))
    surplus = _surplus(observed, by_state)
    if Area.DESKTOP not in observed.failures:
        todo += [_remove(member) for member in surplus]
    leaving = {member.name for member in surplus}
    for member in _alive(by_state):
        if member.name not in leaving:
            todo += _complete(member, observed)
    return PoolPlan((*todo, *_growth(observed, by_state, len(_alive(by_state)) - len(surplus))))


def requeue_pool_after(observed: PoolObserved) -> timedelta | None:
    """Return the time after which time alone changes the plan; None if only an event can."""
    pool = observed.pool
    if pool is None:
        return None
    delays = [time_to_next_size(pool, observed.now)]
    for member in observed.members:
        state, age = state_of(member, observed), age_of(member, observed)
        if state is MemberState.READY:
            delays.append(pool.expire_after - age)
        elif state is MemberState.FAILED:
            delays.append(max(FAILED_BACKOFF - age, CLAIM_PAUSE))
        elif state is MemberState.STARTING and age < start_deadline_of(observed):
            delays.append(start_deadline_of(observed) - age)
    if observed.claims_waiting:
        delays.append(CLAIM_PAUSE)
    if observed.refused_until is not None:
        delays.append(max(observed.refused_until - observed.now, CLAIM_PAUSE))
    return min((delay for delay in delays if delay is not None), default=None)


def members_by_state(observed: PoolObserved) -> defaultdict[MemberState, list[PoolMember]]:
    """Return the desktops by their states, the oldest of each first."""
    found: defaultdict[MemberState, list[PoolMember]] = defaultdict(list)
    for member in sorted(observed.members, key=lambda each: (-age_of(each, observed), each.name)):
        found[state_of(member, observed)].append(member)
    return found


def missing_pool_policies(observed: PoolObserved) -> list[Manifest]:
    """Return the network policies without which no desktop is made; none if the installation wants none."""
    installation = observed.installation
    if installation.network is None:
        return []
    wanted = network_policies(observed.namespace, installation.network, installation.fetch_networks)
    return [each for each in wanted if not is_in_force(observed.policies.get(each["metadata"]["name"]), each)]


def _alive(by_state: dict[MemberState, list[PoolMember]]) -> list[PoolMember]:
    return [member for state, members in by_state.items() if state is not MemberState.LEAVING for member in members]


def _surplus(observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]]) -> list[PoolMember]:
    """Return the desktops to remove: all that are unfit, those that failed a while ago, and what is too many.

    Of what is too many, those go first that cannot be taken. Of those that can, the oldest go first.
    """
    removed = list(by_state[MemberState.UNFIT])
    removed += [each for each in by_state[MemberState.FAILED] if age_of(each, observed) >= FAILED_BACKOFF]
    rest = [
        *(each for each in by_state[MemberState.FAILED] if each not in removed),
        *reversed(by_state[MemberState.STARTING]),
        *by_state[MemberState.EXPIRED],
        *by_state[MemberState.READY],
    ]
    excess = max(len(rest) - observed.wanted, observed.to_yield, 0)
    removed += rest[:excess]
    under_way = len(by_state[MemberState.STARTING]) + len(by_state[MemberState.LEAVING]) + excess
    renewed = max(0, max_surge(observed.wanted) - under_way)
    return removed + [each for each in by_state[MemberState.EXPIRED] if each not in removed][:renewed]


def _growth(
    observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]], alive: int
) -> Iterable[PoolStep]:
    """Return the new desktops: what is missing, a few at a time, and one at a time after a failure."""
    if observed.claims_waiting or observed.held or _is_refused(observed):
        return ()
    if observed.failures.keys() & {Area.DESKTOP, Area.NETWORK}:
        return ()
    room = 1 if by_state[MemberState.FAILED] else max_surge(observed.wanted)
    count = min(observed.wanted - alive, room - len(by_state[MemberState.STARTING]))
    if count <= 0:
        return ()
    if missing := missing_pool_policies(observed):
        return [steps.ApplyPolicy(policy) for policy in missing]
    return [pool_steps.MakeDesktop()] * count


def _is_refused(observed: PoolObserved) -> bool:
    return observed.refused_until is not None and observed.now < observed.refused_until


def _complete(member: PoolMember, observed: PoolObserved) -> list[PoolStep]:
    """Return what a desktop still lacks, and the grants that somebody gave: nobody may open it before it is taken."""
    todo: list[PoolStep] = []
    of, pod = observed.session_class, member.pod
    if of is None:
        return todo
    if Area.DESKTOP not in observed.failures:
        if member.secret is None:
            todo.append(pool_steps.MakeSecret(pod))
        if member.service is None:
            todo.append(pool_steps.MakeService(pool_service(pod, of), pod))
    if Area.ACCESS in observed.failures or not member.access.inspected:
        return todo
    todo += [steps.Revoke(user, name) for user, name in sorted(member.access.grants)]
    if member.secret is None or not member.has_secret or member.name in member.access.connections:
        return todo
    return [*todo, steps.CreateConnection(pool_connection(pod, of, member.secret))]


def _remove(member: PoolMember) -> PoolStep:
    meta = member.pod["metadata"]
    return pool_steps.RemoveDesktop(ref_of({"kind": "Pod"} | member.pod), meta["uid"], meta["resourceVersion"])


def _leftovers(observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]]) -> list[PoolStep]:
    """Return the removal of what desktops have in Guacamole that are gone or being deleted: none can be taken."""
    todo: list[PoolStep] = [
        pool_steps.ForgetDesktop(name, access_of(name, observed.namespace)) for name in observed.departed
    ]
    for member in by_state[MemberState.LEAVING]:
        access = access_of(member.name, observed.namespace)
        todo += [steps.RemoveConnection(name, access) for name in sorted(member.access.connections)]
    return todo
