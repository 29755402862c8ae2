"""Sessions start in the order of their requests, within the limits of their class and owner. None waits for ever."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from blendersessions.model.session_class import Limits
from blendersessions.model.status import parse_status
from blendersessions_operator.planning.admission import AdmissionRequest, requested_at
from blendersessions_operator.planning.admission_line import AdmissionLine
from unit.operator.admission_oracle import Admission
from unit.operator.factories import session

if TYPE_CHECKING:
    from collections.abc import Iterable

T0 = datetime(2026, 11, 24, 9, tzinfo=UTC)


def request(uid: str, owner: str = "", *, has_desktop: bool = False, requested_at: int = 0) -> AdmissionRequest:
    return AdmissionRequest(uid, owner or uid, T0 + timedelta(seconds=requested_at), has_desktop)


def admit(requests: Iterable[AdmissionRequest], limits: Limits) -> Admission:
    """Return what a line of these sessions decides."""
    line, uids = AdmissionLine(), []
    line.limits = limits
    for each in requests:
        line.put(each)
        uids.append(each.uid)
    positions = {uid: position for uid in uids if (position := line.position(uid)) is not None}
    return Admission(frozenset(uid for uid in uids if line.may_run(uid)), positions)


def test_without_limits_everybody_runs() -> None:
    found = admit([request("a"), request("b")], Limits())
    assert (found.admitted, found.positions) == ({"a", "b"}, {})


def test_the_first_sessions_run_and_the_others_are_queued() -> None:
    requests = [
        request("c", requested_at=3),
        request("a", requested_at=1),
        request("d", requested_at=4),
        request("b", requested_at=2),
    ]
    found = admit(requests, Limits(sessions=2))
    assert found.admitted == {"a", "b"}
    assert found.positions == {"c": 1, "d": 2}


def test_running_sessions_keep_running_when_the_limit_is_lowered() -> None:
    requests = [
        request("a", has_desktop=True, requested_at=9),
        request("b", has_desktop=True, requested_at=8),
        request("c", requested_at=1),
    ]
    found = admit(requests, Limits(sessions=1))
    assert (found.admitted, found.positions) == ({"a", "b"}, {"c": 1})


def test_an_owner_at_the_limit_keeps_the_position_and_delays_nobody() -> None:
    requests = [
        request("a1", "ann", has_desktop=True),
        request("a2", "ann", requested_at=1),
        request("b1", "bo", requested_at=2),
        request("a3", "ann", requested_at=3),
    ]
    found = admit(requests, Limits(sessions=3, sessions_per_owner=1))
    assert found.admitted == {"a1", "b1"}
    assert found.positions == {"a2": 1, "a3": 2}


def test_of_the_same_moment_the_uid_decides() -> None:
    requests = [request("b"), request("a")]
    assert admit(requests, Limits(sessions=1)) == admit(reversed(requests), Limits(sessions=1))


limits = st.builds(
    Limits,
    sessions=st.none() | st.integers(min_value=1, max_value=5),
    sessionsPerOwner=st.none() | st.integers(min_value=1, max_value=3),
)
actions = st.lists(st.tuples(st.sampled_from(["arrive", "end", "limit"]), st.integers(0, 10)), max_size=60)


class Studio:
    """Sessions that come, run and end under limits that change."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.line: list[AdmissionRequest] = []
        self.running: list[AdmissionRequest] = []
        self.served: list[AdmissionRequest] = []

    def serve(self) -> None:
        before = len(self.running)
        had = Counter(each.owner for each in self.running)
        found = admit([*self.line, *self.running], self.limits)
        for each in [entry for entry in self.line if entry.uid in found.admitted]:
            self.line.remove(each)
            self.running.append(replace(each, has_desktop=True))
            self.served.append(each)
        if self.limits.sessions is not None:
            assert len(self.running) <= max(self.limits.sessions, before)
        if self.limits.sessions_per_owner is not None:
            for owner, count in Counter(each.owner for each in self.running).items():
                assert count <= max(self.limits.sessions_per_owner, had[owner])
        assert sorted(found.positions.values()) == list(range(1, len(found.positions) + 1))

    def end(self, number: int) -> None:
        if self.running:
            self.running.pop(number % len(self.running))


@given(limits, actions, st.lists(limits, min_size=11, max_size=11))
def test_no_session_starves_and_no_limit_is_exceeded(
    first: Limits, play: list[tuple[str, int]], more: list[Limits]
) -> None:
    studio = Studio(first)
    for moment, (action, number) in enumerate(play):
        if action == "arrive":
            studio.line.append(request(f"s{moment}", f"owner-{number % 3}", requested_at=moment))
        elif action == "end":
            studio.end(number)
        else:
            studio.limits = more[number]
        studio.serve()
    for _ in range(len(studio.line) + len(studio.running)):
        studio.end(0)
        studio.serve()
    assert not studio.line, "once enough sessions have ended, everybody was served"
    for owner in {each.owner for each in studio.served}:
        requested_at = [each.requested_at for each in studio.served if each.owner == owner]
        assert requested_at == sorted(requested_at), "of one owner the earlier one is served first"


@given(limits, st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(0, 3))
def test_a_queued_session_advances_while_new_ones_keep_coming(limit: Limits, owners: list[int], newcomer: int) -> None:
    studio = Studio(limit)
    for index, owner in enumerate(owners):
        studio.line.append(request(f"s{index}", f"owner-{owner}", requested_at=index))
    waiting = {each.uid for each in studio.line}
    for turn in range(2 * len(owners)):
        studio.line.append(request(f"late-{turn}", f"owner-{newcomer}", requested_at=100 + turn))
        studio.serve()
        studio.end(0)
    assert not waiting & {each.uid for each in studio.line}


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=30), limits)
def test_no_capacity_stays_unused_that_a_session_could_use(claims: list[tuple[int, bool]], limit: Limits) -> None:
    requests = [
        request(f"s{index}", f"o{owner}", has_desktop=has_desktop, requested_at=index)
        for index, (owner, has_desktop) in enumerate(claims)
    ]
    found = admit(requests, limit)
    owners = {each.uid: each.owner for each in requests}
    served = Counter(owners[uid] for uid in found.admitted)
    for uid in found.positions:
        full = limit.sessions is not None and len(found.admitted) >= limit.sessions
        at_own_limit = limit.sessions_per_owner is not None and served[owners[uid]] >= limit.sessions_per_owner
        assert full or at_own_limit


def test_within_one_second_the_session_seen_first_came_first() -> None:
    first, second = session(), session()
    seen = requested_at(first, first.created_at + timedelta(milliseconds=200))
    queued = replace(first, status=parse_status({"queuedAt": seen.isoformat()}))
    later = first.created_at + timedelta(milliseconds=500)
    assert requested_at(queued, later) == seen < requested_at(second, later)
    assert requested_at(second, later + timedelta(hours=1)) < second.created_at + timedelta(seconds=1), (
        "not when the operator started"
    )
    resumed = replace(first, status=parse_status({"suspension": {"reason": "Idle"}}))
    assert requested_at(resumed, later) == later, "a resumed one comes to the end of the line"
