"""Which desktops of a pool go: what is unfit or too many, what makes room, and what is too old."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.manifest import ref_of
from blendersessions_operator.planning import podstate, pool_steps
from blendersessions_operator.planning.pool_observed import (
    MemberState,
    PoolMember,
    PoolObserved,
    age_of,
    failed_since,
    state_of,
)
from blendersessions_operator.planning.room import has_place, is_by_quota

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.planning.room import RoomWanted

FAILED_BACKOFF: Final = timedelta(minutes=5)
"""How long a desktop that failed has its place in the pool, before it is removed. So an image that never starts costs
one attempt in this time for each place."""
_LEAST_SURGE: Final = 2
_MOST_SURGE: Final = 50
_SURGE_PART: Final = 5


def max_surge(wanted: int) -> int:
    """Return how many desktops of a pool of this size are started at a time."""
    return min(_MOST_SURGE, max(_LEAST_SURGE, -(-wanted // _SURGE_PART)))


def members_by_state(observed: PoolObserved) -> defaultdict[MemberState, list[PoolMember]]:
    """Return the desktops by their states, the oldest of each first."""
    found: defaultdict[MemberState, list[PoolMember]] = defaultdict(list)
    for member in sorted(observed.members, key=lambda each: (-age_of(each, observed), each.name)):
        found[state_of(member, observed)].append(member)
    return found


def alive(by_state: dict[MemberState, list[PoolMember]]) -> list[PoolMember]:
    """Return the desktops that are not being deleted."""
    return [member for state, members in by_state.items() if state is not MemberState.LEAVING for member in members]


def removals(
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
        removed += [each for each in waits if not has_place(each.pod) and each not in removed]
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
    excess = max(len(rest) - observed.wanted - spare(observed, by_state), len(served))
    going = [*served, *(each.name for each in rest if each.name not in served)][:excess]
    removed += [each for each in rest if each.name in going]
    removed += _renewed(observed, by_state, {each.name for each in removed})
    return [_remove(each, served.get(each.name, "")) for each in removed]


def _make_room(observed: PoolObserved, candidates: list[PoolMember]) -> dict[str, str]:
    """Return the desktops that go for sessions that find no room, and the UID of each session: one for each."""
    served: dict[str, str] = {}
    for wanted in observed.wanting:
        free = (each for each in candidates if each.name not in served and _gives_room(each.pod, wanted))
        if not wanted.served and (found := next(free, None)) is not None:
            served[found.name] = wanted.uid
    return served


def _gives_room(pod: Manifest, wanted: RoomWanted) -> bool:
    """Return whether there is more room without a pod. One that has ended takes none, of nodes or of a quota."""
    return not podstate.has_ended(pod) and (wanted.by_quota or has_place(pod))


def _renewed(
    observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]], gone: set[str]
) -> list[PoolMember]:
    """Return the old desktops that are replaced now: a few at a time, and never the last one that can be taken.

    None goes while its successor would be refused. A quota that the pool fills has room when one has gone.
    """
    missing = max(0, observed.wanted - len([each for each in alive(by_state) if each.name not in gone]))
    refused = observed.refused_until is not None
    if observed.claims_waiting or observed.wanting or (refused and (missing or not is_by_quota(observed.refusal))):
        return []
    old = [each for each in by_state[MemberState.EXPIRED] if each.name not in gone]
    left = len(old) + len([each for each in by_state[MemberState.READY] if each.name not in gone])
    under_way = missing + len([each for each in by_state[MemberState.STARTING] if each.name not in gone])
    least = 0 if missing or spare(observed, by_state) else 1
    most = 1 if refused else max_surge(observed.wanted)
    return old[: max(0, min(most - under_way, max(left - 1, least)))]


def spare(observed: PoolObserved, by_state: defaultdict[MemberState, list[PoolMember]]) -> int:
    """Return how many desktops there may be above the wanted size: one while old ones are replaced, if that is allowed.

    So the successor of the only desktop is there before it goes.
    """
    pool = observed.pool
    may = pool is not None and 0 < observed.wanted < pool.max_size and observed.refused_until is None
    return int(may and bool(by_state[MemberState.EXPIRED]))


def _remove(member: PoolMember, session: str) -> pool_steps.RemoveDesktop:
    meta = member.pod["metadata"]
    return pool_steps.RemoveDesktop(
        ref_of({"kind": "Pod"} | member.pod), meta["uid"], meta["resourceVersion"], makes_room_for=session
    )
