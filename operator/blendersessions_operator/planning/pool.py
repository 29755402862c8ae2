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
    failed_since,
    start_deadline_of,
    state_of,
)
from blendersessions_operator.planning.pool_size import time_to_next_size
from blendersessions_operator.planning.room import takes_room
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import is_in_force, network_policies
from blendersessions_operator.resources.pool_desktop import pool_connection, pool_service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.planning.pool_steps import PoolStep

FAILED_BACKOFF: Final = timedelta(minutes=5)
"""How long a desktop that failed has its place in the pool, before it is removed. So an image that never starts costs
one attempt in this time for each place."""
CLAIM_PAUSE: Final = timedelta(seconds=1)
"""How long a pool waits for sessions that are about to take a desktop, before it looks again."""
CLAIM_COUNT: Final = timedelta(minutes=1)
"""How long after a look the claims are counted again, so that their number goes down."""
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
    removals = _removals(observed, by_state)
    if Area.DESKTOP not in observed.failures:
        todo += removals
    leaving = {step.ref.name for step in removals}
    for member in _alive(by_state):
        todo += _revocations(member, observed)
        if member.name not in leaving:
            todo += _complete(member, observed)
    return PoolPlan((*todo, *_growth(observed, by_state, len(_alive(by_state)) - len(removals))))


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
            delays.append(max(failed_since(member, observed) + FAILED_BACKOFF - observed.now, CLAIM_PAUSE))
        elif state is MemberState.STARTING and age < start_deadline_of(observed):
            delays.append(start_deadline_of(observed) - age)
    if observed.claims_waiting:
        delays.append(CLAIM_PAUSE)
    if observed.claims:
        delays.append(CLAIM_COUNT)
    if observed.wanting:
        delays.append(max(min(each.until for each in observed.wanting) - observed.now, CLAIM_PAUSE))
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


def _removals(
    observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]]
) -> list[pool_steps.RemoveDesktop]:
    """Return the desktops to remove: all that are unfit, those that failed a while ago, and what is too many.

    Of what is too many, those go first that cannot be taken. Of those that can, the oldest go first.
    """
    due = observed.now - FAILED_BACKOFF
    removed = [*by_state[MemberState.UNFIT]]
    removed += [each for each in by_state[MemberState.FAILED] if failed_since(each, observed) <= due]
    if any(not each.by_quota for each in observed.wanting):
        # The next place that comes free on a node is not theirs.
        waits = (*by_state[MemberState.STARTING], *by_state[MemberState.FAILED])
        removed += [each for each in waits if not takes_room(each.pod) and each not in removed]
    gone = {each.name for each in removed}
    rest = [
        each
        for each in (
            *by_state[MemberState.FAILED],
            *reversed(by_state[MemberState.STARTING]),
            *by_state[MemberState.EXPIRED],
            *by_state[MemberState.READY],
        )
        if each.name not in gone
    ]
    served = _make_room(observed, rest)
    excess = max(len(rest) - observed.wanted - _spare(observed, by_state), len(served))
    going = [*served, *(each.name for each in rest if each.name not in served)][:excess]
    removed += [each for each in rest if each.name in going]
    removed += _renewed(observed, by_state, {each.name for each in removed})
    return [_remove(each, served.get(each.name, "")) for each in removed]


def _make_room(observed: PoolObserved, candidates: list[PoolMember]) -> dict[str, str]:
    """Return the desktops that go for sessions that find no room, and the UID of each session: one for each."""
    served: dict[str, str] = {}
    for wanted in observed.wanting:
        free = (each for each in candidates if each.name not in served and (wanted.by_quota or takes_room(each.pod)))
        if not wanted.served and (found := next(free, None)) is not None:
            served[found.name] = wanted.uid
    return served


def _renewed(
    observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]], gone: set[str]
) -> list[PoolMember]:
    """Return the old desktops that are replaced now: a few at a time, and never the last one that can be taken."""
    if observed.claims_waiting or observed.wanting:
        return []
    old = [each for each in by_state[MemberState.EXPIRED] if each.name not in gone]
    left = len(old) + len([each for each in by_state[MemberState.READY] if each.name not in gone])
    under_way = len([each for each in by_state[MemberState.STARTING] if each.name not in gone])
    least = 0 if _spare(observed, by_state) else 1
    return old[: max(0, min(max_surge(observed.wanted) - under_way, max(left - 1, least)))]


def _spare(observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]]) -> int:
    """Return how many desktops there may be above the wanted size: one while old ones are replaced, if that is allowed.

    So the successor of the only desktop is there before it goes.
    """
    pool = observed.pool
    may = pool is not None and 0 < observed.wanted < pool.max_size and observed.refused_until is None
    return int(may and bool(by_state[MemberState.EXPIRED]))


def _growth(
    observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]], alive: int
) -> Iterable[PoolStep]:
    """Return the new desktops: what is missing, a few at a time, and one at a time while most fail."""
    if observed.claims_waiting or observed.wanting or observed.refused_until is not None:
        return ()
    if observed.failures.keys() & {Area.DESKTOP, Area.NETWORK}:
        return ()
    failed = len(by_state[MemberState.FAILED])
    good = len(by_state[MemberState.READY]) + len(by_state[MemberState.EXPIRED])
    room = 1 if failed and failed >= good else max_surge(observed.wanted)
    count = min(
        observed.wanted + _spare(observed, by_state) - alive,
        room - len(by_state[MemberState.STARTING]),
    )
    if count <= 0:
        return ()
    if missing := missing_pool_policies(observed):
        return [steps.ApplyPolicy(policy) for policy in missing]
    return [pool_steps.MakeDesktop()] * count


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
            todo.append(pool_steps.MakeService(pool_service(pod, of), pod))
    if Area.ACCESS in observed.failures or not member.access.inspected:
        return todo
    if member.secret is None or not member.has_secret or member.name in member.access.connections:
        return todo
    return [*todo, steps.CreateConnection(pool_connection(pod, of, member.secret))]


def _remove(member: PoolMember, session: str) -> pool_steps.RemoveDesktop:
    meta = member.pod["metadata"]
    return pool_steps.RemoveDesktop(
        ref_of({"kind": "Pod"} | member.pod), meta["uid"], meta["resourceVersion"], makes_room_for=session
    )


def _leftovers(observed: PoolObserved, by_state: dict[MemberState, list[PoolMember]]) -> list[PoolStep]:
    """Return the removal of what desktops have in Guacamole that are gone or being deleted: none can be taken."""
    todo: list[PoolStep] = [
        steps.RemoveConnection(each, access_of(name, observed.namespace))
        for name, access in sorted(observed.departed.items())
        for each in sorted(access.connections)
    ]
    for member in by_state[MemberState.LEAVING]:
        access = access_of(member.name, observed.namespace)
        todo += [steps.RemoveConnection(name, access) for name in sorted(member.access.connections)]
    return todo
