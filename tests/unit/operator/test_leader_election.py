"""Of several operators one leads at any time, whatever happens to the processes, the network and the clocks."""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from blendersessions.model.errors import Conflict, NotFound, System, Unavailable
from blendersessions.model.manifest import Ref
from blendersessions_operator.controller import leader_election
from blendersessions_operator.controller.leader_election import LeaderElector, Leadership, LeaseTimes
from blendersessions_operator.settings import Settings

LOCK = Ref("Lease", "kube-system", "blender-sessions")
TIMES = LeaseTimes(10.0)
STEP = 0.25


class Leases:
    """The API server, with one Lease at most."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.versions = itertools.count(1)

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        return dict(self.lease["spec"])

    def store(self, manifest: dict[str, Any], uid: str) -> dict[str, Any]:
        self.lease = copy.deepcopy(manifest)
        self.lease["metadata"] |= {"uid": uid, "resourceVersion": str(next(self.versions))}
        return copy.deepcopy(self.lease)


@dataclass
class Operator:
    """One process: its clock, its way to the API server, and its elector."""

    leases: Leases
    name: str
    offset: float = 0.0
    """How much its clock differs from the others'."""
    now: float = 0.0
    reachable: bool = True
    answers_lost: bool = False
    stopped: bool = False
    ended: str = ""
    sleeps: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leadership = Leadership(TIMES, self.end, self.clock)
        self.elector = LeaderElector(self, LOCK, self.name, TIMES, self.leadership, self.clock, self.sleep)
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        await self.elector.acquire()
        await self.elector.renew()

    def end(self, reason: str) -> None:
        self.ended = reason
        self.task.cancel()

    def clock(self) -> float:
        return self.now + self.offset

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleeps.append((self.now + seconds, woken))
        await woken

    def wake(self) -> None:
        due = [each for each in self.sleeps if each[0] <= self.now]
        self.sleeps = [each for each in self.sleeps if each[0] > self.now]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)

    @property
    def writes(self) -> bool:
        return not self.ended and self.leadership.seconds_left > 0

    async def get(self, ref: Ref) -> dict[str, Any]:
        assert ref == LOCK
        self.reach()
        if self.leases.lease is None:
            raise NotFound("no such Lease", System.KUBERNETES)
        return copy.deepcopy(self.leases.lease)

    async def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.reach()
        if self.leases.lease is not None:
            raise Conflict("there is one", System.KUBERNETES)
        return self.answer(self.leases.store(manifest, f"uid-{next(self.leases.versions)}"))

    async def replace(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.reach()
        if self.leases.lease is None:
            raise NotFound("no such Lease", System.KUBERNETES)
        if manifest["metadata"]["resourceVersion"] != self.leases.lease["metadata"]["resourceVersion"]:
            raise Conflict("it has changed", System.KUBERNETES)
        return self.answer(self.leases.store(manifest, manifest["metadata"]["uid"]))

    def reach(self) -> None:
        if not self.reachable:
            raise Unavailable("no answer", System.KUBERNETES)

    def answer(self, lease: dict[str, Any]) -> dict[str, Any]:
        if self.answers_lost:
            raise Unavailable("the answer is lost", System.KUBERNETES)
        return lease


async def settle() -> None:
    """Let every task go on as far as it can."""
    for _ in range(8):
        await asyncio.sleep(0)


async def advance(seconds: float, *operators: Operator) -> None:
    """Let time pass for all. Never may two of them write."""
    for _ in range(round(seconds / STEP)):
        for operator in operators:
            operator.now += STEP
            if not operator.stopped:
                operator.wake()
        await settle()
        # A stopped process writes nothing until it goes on.
        assert sum(operator.writes and not operator.stopped for operator in operators) <= 1


async def pair() -> tuple[Leases, Operator, Operator]:
    """Return two operators, of which the first leads and the second stands by."""
    leases = Leases()
    first = Operator(leases, "first")
    await settle()
    second = Operator(leases, "second", offset=1_000_000.0)
    await advance(1.0, first, second)
    assert (first.writes, second.writes) == (True, False)
    return leases, first, second


async def test_the_first_operator_leads_at_once_and_renews() -> None:
    leases = Leases()
    first = Operator(leases, "first")
    await settle()
    assert first.writes
    spec = leases.spec
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("first", 10, 0)
    await advance(60.0, first)
    assert first.writes
    assert leases.spec["acquireTime"] == spec["acquireTime"]
    assert leases.spec["renewTime"] > spec["renewTime"]


async def test_a_killed_leader_is_followed_after_the_duration_and_not_before() -> None:
    leases, first, second = await pair()
    first.end("killed")
    await advance(TIMES.duration - TIMES.retry_period, first, second)
    assert not second.writes
    await advance(2 * TIMES.retry_period + 2 * STEP, first, second)
    assert second.writes
    assert (leases.spec["holderIdentity"], leases.spec["leaseTransitions"]) == ("second", 1)


async def test_a_leader_that_is_cut_off_ends_before_another_one_leads() -> None:
    _, first, second = await pair()
    first.reachable = False
    await advance(TIMES.renew_deadline + TIMES.retry_period, first, second)
    assert first.ended
    assert not second.writes
    await advance(TIMES.duration, first, second)
    assert second.writes


async def test_a_leader_that_was_stopped_writes_nothing_when_it_goes_on() -> None:
    leases, first, second = await pair()
    first.stopped = True
    await advance(2 * TIMES.duration, first, second)
    assert second.writes
    with pytest.raises(Unavailable):
        first.leadership.guard.check()
    assert first.ended, "the first thing that it tries to send ends it"
    assert leases.spec["holderIdentity"] == "second"


async def test_a_short_outage_changes_nothing() -> None:
    _, first, second = await pair()
    first.reachable = False
    await advance(TIMES.retry_period, first, second)
    first.reachable = True
    await advance(3 * TIMES.duration, first, second)
    assert first.writes


async def test_a_renewal_whose_answer_is_lost_counts_from_the_next_one() -> None:
    _, first, second = await pair()
    first.answers_lost = True
    await advance(TIMES.retry_period + STEP, first, second)
    first.answers_lost = False
    await advance(3 * TIMES.duration, first, second)
    assert first.writes


async def test_an_operator_that_stands_by_is_told_who_leads_and_writes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger=leader_election.__name__)
    _, _, second = await pair()
    with pytest.raises(Unavailable, match="Another operator leads"):
        second.leadership.guard.check()
    assert not second.ended, "it never led, so nothing is wrong"
    told = [each.getMessage() for each in caplog.records if "Standing by" in each.getMessage()]
    assert len(told) == 1
    assert "the operator first leads" in told[0]


async def test_a_lease_that_is_given_back_is_taken_at_once() -> None:
    _, first, second = await pair()
    await first.elector.release()
    first.end("stopped in order")
    await advance(TIMES.retry_period + STEP, first, second)
    assert second.writes


async def test_a_renewal_that_was_broken_off_does_not_keep_the_lease_from_being_given_back() -> None:
    leases, first, second = await pair()
    # The change came to the API server, and the process does not know.
    leases.store(dict(leases.lease or {}), "uid")
    await first.elector.release()
    first.end("stopped in order")
    await advance(TIMES.retry_period + STEP, first, second)
    assert second.writes


async def test_a_lease_that_somebody_deletes_is_not_taken_from_its_holder() -> None:
    leases, first, second = await pair()
    leases.lease = None
    await advance(5 * TIMES.duration, first, second)
    assert (first.writes, second.writes) == (True, False)


async def test_the_time_in_the_lease_is_never_compared_with_a_clock() -> None:
    leases, first, second = await pair()
    first.end("killed")
    lease = dict(leases.lease or {})
    lease["spec"] |= {"renewTime": "2001-01-01T00:00:00.000000Z"}
    leases.store(lease, lease["metadata"]["uid"])
    await advance(TIMES.duration - STEP, first, second)
    assert not second.writes, "the Lease just changed, whatever it says"
    await advance(2 * TIMES.retry_period + 2 * STEP, first, second)
    assert second.writes


async def test_the_duration_that_the_holder_wrote_down_holds() -> None:
    leases, first, second = await pair()
    first.end("killed")
    lease = dict(leases.lease or {})
    lease["spec"] |= {"leaseDurationSeconds": 60}
    leases.store(lease, lease["metadata"]["uid"])
    await advance(55.0, first, second)
    assert not second.writes
    await advance(10.0, first, second)
    assert second.writes


@pytest.mark.parametrize("seed", range(6))
async def test_never_two_write_whatever_happens(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a repeatable choice
    leases, names = Leases(), itertools.count()

    def new(now: float) -> Operator:
        return Operator(leases, f"operator-{next(names)}", offset=dice.uniform(-1e6, 1e6), now=now)

    operators = [new(0.0) for _ in range(3)]
    led = set()
    for _ in range(30):
        chosen = dice.choice(operators)
        what = dice.choice(("cut", "lose", "stop", "kill", "release", "nothing"))
        chosen.reachable, chosen.answers_lost, chosen.stopped = what != "cut", what == "lose", what == "stop"
        if what == "release":
            await chosen.elector.release()
        if what in ("kill", "release"):
            chosen.end(what)
        await advance(dice.uniform(0.5, 15.0), *operators)
        led |= {each.name for each in operators if each.writes and not each.stopped}
        chosen.reachable, chosen.answers_lost, chosen.stopped = True, False, False
        # The kubelet starts again what ended.
        operators = [new(each.now) if each.ended else each for each in operators]
    assert len(led) > 1, "the lead never changed, so nothing was tried"
    for each in operators:
        each.task.cancel()


def test_a_fail_over_takes_less_than_twenty_seconds_and_the_times_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GUACAMOLE_URL", "PUBLIC_URL"):
        monkeypatch.setenv(f"BLENDERSESSIONS_{name}", "http://localhost/")
    for name in ("GUACAMOLE_USERNAME", "GUACAMOLE_PASSWORD_FILE", "BLENDER_IMAGE"):
        monkeypatch.setenv(f"BLENDERSESSIONS_{name}", "any")
    times = LeaseTimes(Settings().lease_seconds)
    # The last change is seen a period late, and that the Lease is free another period late.
    assert times.duration + 2 * times.retry_period < 20.0 - 3.0, "three seconds are for the first lists"
    assert times.renew_deadline + times.delivery < times.duration
    assert 2 * times.retry_period < times.renew_deadline, "one renewal may fail"


def test_the_clock_goes_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks: list[int] = []

    def read(clock: int) -> float:
        clocks.append(clock)
        return 5.0

    monkeypatch.setattr(time, "clock_gettime", read)
    assert leader_election.boot_seconds() == 5.0
    assert clocks == [time.CLOCK_BOOTTIME]
