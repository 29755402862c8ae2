"""Whatever happens to a pool in whatever order, it comes to what its class wants."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from blendersessions_operator.planning.pool_observed import MemberState, state_of
from blendersessions_operator.planning.pool_removals import FAILED_BACKOFF
from unit.operator.pools import PoolWorld, class_of, reported


class Pool(RuleBasedStateMachine):
    """A pool, its sessions, its administrator, its kubelet, and a controller that may see all of it too late."""

    @initialize(size=st.integers(0, 8))
    def begin(self, size: int) -> None:
        self.world = PoolWorld(class_of({"size": size, "maxSize": 8}))
        self.image = 0
        self.seen = self.world.observe()
        self.sessions = 0
        self.most = 0

    @rule()
    def the_controller_sees(self) -> None:
        self.seen = self.world.observe()

    @rule()
    def the_controller_works_by_what_it_has_seen(self) -> None:
        if (self.seen.session_class is None) == (self.world.session_class is None):
            # Until it has seen what it made, it makes nothing twice: it puts the server's answers into its cache.
            self.world.work(replace(self.seen, claims_waiting=True))

    @rule()
    def the_controller_works(self) -> None:
        self.seen = self.world.observe()
        self.world.work(self.seen)

    @rule(size=st.integers(0, 8), roll=st.booleans())
    def an_administrator_changes_the_class(self, size: int, roll: bool) -> None:
        self.image += roll
        self.world.session_class = class_of({"size": size, "maxSize": 8}, image=f"blender:{self.image}")

    @rule()
    def the_class_is_deleted(self) -> None:
        self.world.session_class = None

    @rule(ready=st.booleans())
    def the_kubelet_reports(self, ready: bool) -> None:
        self.world.kubelet(ready=ready)

    @rule(number=st.integers(0, 7), stale=st.booleans())
    def a_session_takes_one(self, number: int, stale: bool) -> None:
        members = self.seen.members if stale else tuple(self.world.members.values())
        offered = [each for each in members if state_of(each, self.seen) is MemberState.READY]
        if offered:
            chosen = offered[number % len(offered)]
            self.sessions += self.world.take(
                chosen.name, f"session-{self.sessions}", chosen.pod["metadata"]["resourceVersion"]
            )

    @rule(number=st.integers(0, 7))
    def a_pod_fails(self, number: int) -> None:
        names = sorted(self.world.members)
        if names:
            name = names[number % len(names)]
            self.world.touch(name, reported(self.world.members[name].pod, ready=False, phase="Failed"))

    @rule(number=st.integers(0, 7))
    def somebody_deletes_a_pod(self, number: int) -> None:
        names = sorted(self.world.members)
        if names:
            self.world.vanish(names[number % len(names)])

    @rule(minutes=st.integers(-60, 3000))
    def time_passes(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @invariant()
    def never_above_the_largest_size(self) -> None:
        if hasattr(self, "world"):
            assert len(self.world.members) <= 2 * 8, "those that leave beside those that come"
            live = [each for each in self.world.members.values() if "deletionTimestamp" not in each.pod["metadata"]]
            assert len(live) <= 8

    @invariant()
    def no_taken_desktop_is_touched(self) -> None:
        if hasattr(self, "world"):
            assert len(self.world.taken) == len(set(self.world.taken.values())) == self.sessions
            assert self.world.taken.keys() <= self.world.connections

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.now += timedelta(days=2)
        for _ in range(8):
            self.world.settle()
            self.world.now += FAILED_BACKOFF
        observed = self.world.observe()
        assert len(self.world.members) == observed.wanted
        assert all(state_of(each, observed) is MemberState.READY for each in observed.members)
        assert self.world.connections == self.world.members.keys() | self.world.taken.keys(), "nothing is left over"


TestPool = Pool.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
