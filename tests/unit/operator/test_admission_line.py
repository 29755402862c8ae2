"""The line decides as if it looked at the whole class each time, and tells everybody whose place changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendersessions.model.session_class import Limits
from blendersessions_operator.planning.admission import AdmissionRequest, rounded
from blendersessions_operator.planning.admission_line import AdmissionLine
from unit.operator.admission_oracle import admit

if TYPE_CHECKING:
    from collections.abc import Callable

T0 = datetime(2026, 11, 26, 9, tzinfo=UTC)
OWNERS = ("ann", "bo", "cy")


def request(uid: str, owner: str, moment: int = 0, *, has_desktop: bool = False) -> AdmissionRequest:
    return AdmissionRequest(uid, owner, T0 + timedelta(seconds=moment), has_desktop)


class Studio:
    """The sessions of one class, kept in a line, and in a dict for the definition."""

    def __init__(self, limits: Limits) -> None:
        self.line = AdmissionLine()
        self.line.limits = self.limits = limits
        self.requests: dict[str, AdmissionRequest] = {}
        self.told: dict[str, int | None] = {}
        self.number = 0

    def arrive(self, owner: int, moment: int, place: int) -> None:
        del place
        self.number += 1
        self._put(request(f"s{self.number}", OWNERS[owner], moment))

    def start(self, owner: int, moment: int, place: int) -> None:
        """A session is found that has a desktop already."""
        del place
        self.number += 1
        self._put(request(f"s{self.number}", OWNERS[owner], moment, has_desktop=True))

    def leave(self, owner: int, moment: int, place: int) -> None:
        del owner, moment
        if self.requests:
            uid = sorted(self.requests)[place % len(self.requests)]
            del self.requests[uid]
            self.told.pop(uid, None)
            self.line.discard(uid)

    def change(self, owner: int, moment: int, place: int) -> None:
        """A session gets another owner or time, or loses its desktop."""
        if self.requests:
            uid = sorted(self.requests)[place % len(self.requests)]
            # A change of its own has it reconciled, so nobody else needs to tell it anything.
            self.told.pop(uid, None)
            self._put(request(uid, OWNERS[owner], moment))

    def ask(self, owner: int, moment: int, place: int) -> None:
        """A session is reconciled: it is admitted, or told its position."""
        del owner, moment
        if self.requests:
            self.reconcile(sorted(self.requests)[place % len(self.requests)])

    def limit(self, owner: int, moment: int, place: int) -> None:
        sessions = None if place == 0 else place
        self.line.limits = self.limits = Limits(sessions=sessions, sessions_per_owner=owner or None)
        del moment

    def reconcile(self, uid: str) -> None:
        if self.line.may_run(uid):
            self.line.admit(uid)
            self.requests[uid] = replace(self.requests[uid], has_desktop=True)
        self.told[uid] = self.line.tell(uid)

    def _put(self, made: AdmissionRequest) -> None:
        self.requests[made.uid] = made
        self.line.put(made)

    def check(self) -> None:
        wanted = admit(self.requests.values(), self.limits)
        assert {uid for uid in self.requests if self.line.may_run(uid)} == wanted.admitted
        assert {uid: self.line.position(uid) for uid in wanted.positions} == wanted.positions

    def check_that_nobody_is_forgotten(self) -> None:
        outdated = self.line.outdated()
        positions = admit(self.requests.values(), self.limits).positions
        for uid, told in self.told.items():
            now = rounded(positions[uid]) if uid in positions else None
            assert told == now or uid in outdated, f"{uid} was told {told} and has {now}"
        for uid in outdated:
            self.reconcile(uid)


DOES = (Studio.arrive, Studio.arrive, Studio.start, Studio.leave, Studio.change, Studio.ask, Studio.limit)
plays = st.lists(
    st.tuples(st.sampled_from(DOES), st.integers(0, 2), st.integers(0, 40), st.integers(0, 60)), max_size=120
)


@given(plays, st.booleans())
@settings(max_examples=300, deadline=None)
def test_it_decides_as_if_it_looked_at_all(
    play: list[tuple[Callable[..., None], int, int, int]], ask_at_once: bool
) -> None:
    studio = Studio(Limits(sessions=3, sessions_per_owner=2))
    for does, owner, moment, place in play:
        does(studio, owner, moment, place)
        studio.check()
        if ask_at_once:
            studio.check_that_nobody_is_forgotten()
            studio.check()
    studio.check_that_nobody_is_forgotten()
    assert studio.line.outdated() == []


@given(st.lists(st.integers(0, 119), max_size=60), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_in_a_long_line_everybody_who_moves_past_a_boundary_is_told(leave: list[int], at_once: int) -> None:
    studio = Studio(Limits(sessions=1))
    studio.start(0, 0, 0)
    for moment in range(120):
        studio.arrive(moment % 3, moment, 0)
        studio.reconcile(f"s{studio.number}")
    assert studio.line.outdated() == []
    for number, place in enumerate(leave):
        studio.leave(0, 0, place)
        if number % at_once == 0:
            studio.check_that_nobody_is_forgotten()
    studio.check_that_nobody_is_forgotten()


@pytest.mark.parametrize("before", ["running", "waiting"])
def test_a_departure_concerns_few_of_a_long_line(before: str) -> None:
    line = AdmissionLine()
    line.limits = Limits(sessions=1)
    line.put(request("running", "ann", has_desktop=True))
    for number in range(10_000):
        line.put(request(f"s{number:05}", OWNERS[number % 3], number))
        line.tell(f"s{number:05}")
    assert line.outdated() == []
    line.discard("running" if before == "running" else "s00000")
    # 20 with exact positions, one at each of 50, 100, 200 and so on, and the one who may run now.
    assert 20 <= len(line.outdated()) <= 20 + 9 + 1 + 20


@pytest.mark.parametrize(
    ("position", "told"),
    [(1, 1), (20, 20), (21, 50), (50, 50), (51, 100), (100, 100), (101, 200), (4999, 5000), (5001, 10_000)],
)
def test_the_first_twenty_are_told_their_exact_position(position: int, told: int) -> None:
    assert rounded(position) == told
