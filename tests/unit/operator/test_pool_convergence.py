"""A pool and the sessions that take its desktops, with the real reconcilers: one session each, and all converge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from blendersessions.model.access import Tunnel
from blendersessions_operator.controller.tunnel_poll import update_tunnels
from unit.operator.pool_simulation import CART, POOL, POOL_KEY, PoolSimulation, crowded, filled, find_no_room, owner

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

HOUR = 3600.0


def test_a_full_pool_of_two_hundred_sends_no_request_while_nothing_happens() -> None:
    sim = filled(size=200, maxSize=200)
    assert len(sim.waiting()) == 200
    sim.settle(120.0)
    calls = sim.server.calls, sim.guacamole.calls
    sim.queue.add(POOL_KEY)
    sim.settle(HOUR)
    assert (sim.server.calls, sim.guacamole.calls) == calls


def test_a_session_takes_a_desktop_with_few_requests_and_the_rest_follows() -> None:
    sim = filled()
    ref = sim.create(CART)
    sim.deliver()
    calls = sim.server.calls
    sim.work()
    assert sim.startup(ref) == ("Warm", "")
    assert sim.server.calls - calls <= 4, "the finalizer, the pod, the user's Secret, the status"
    sim.settle(5.0)
    name = sim.server.objects[ref]["status"]["desktop"]["name"]
    kinds = {
        each.kind
        for each, made in sim.server.objects.items()
        if each.name == name and "ownerReferences" in made["metadata"] and owner(made)["kind"] == "BlenderSession"
    }
    assert kinds == {"Pod", "Secret"}, "the Service goes with the pod"
    assert len(sim.waiting()) == 2


def test_the_claims_of_a_minute_are_told_and_forgotten() -> None:
    sim = filled()
    sim.create(CART)
    sim.settle(2.0)
    told = sim.server.objects[POOL_KEY]["status"]["warmPool"]
    assert told["claimsPerMinute"] == 1
    sim.settle(HOUR)
    assert sim.server.objects[POOL_KEY]["status"]["warmPool"]["claimsPerMinute"] == 0


def test_sessions_take_all_desktops_of_a_new_leader_and_others_start_cold() -> None:
    sim = filled(size=6, maxSize=6)
    refs = [sim.create(CART) for _ in range(8)]
    sim.restart()
    sim.settle(HOUR)
    paths = sorted(sim.startup(ref) for ref in refs)
    assert paths == [("Cold", "PoolEmpty")] * 2 + [("Warm", "")] * 6


def test_a_ready_pool_is_taken_while_guacamole_was_not_read_yet() -> None:
    sim = filled()
    sim.restart()
    ref = sim.create(CART)
    sim.guacamole.next_fault = lambda: "refused"
    for _ in range(3):
        sim.deliver()
        sim.work()
        sim.seconds += 1
    sim.guacamole.next_fault = lambda: ""
    sim.settle(HOUR)
    assert sim.startup(ref) == ("Warm", "")


def test_a_session_that_goes_before_it_is_worked_on_loses_no_desktop() -> None:
    sim = filled(size=1)
    sim.settle(120.0)
    ref = sim.create(CART)
    sim.deliver()
    # Somebody deletes it between its observation and its finalizer.
    known = sim.context.cache.session(ref)
    assert known is not None
    assert sim.context.pools.offer(known, POOL_KEY, lambda _: True) is not None
    sim.server.collect(ref)
    sim.settle()
    again = sim.create(CART)
    sim.settle()
    assert sim.startup(again) == ("Warm", "")


def test_a_desktop_that_ends_in_the_claim_is_replaced_by_a_cold_start_and_leaves_nothing() -> None:
    sim = filled(size=3)
    ref = sim.create({"scene": {"sample": "watering_can.blend"}})
    sim.agents.next_fault = lambda: "refused"
    sim.settle(60.0)
    sim.agents.next_fault = lambda: ""
    sim.settle(60.0)
    assert sim.startup(ref) == ("Cold", "DesktopFailed")
    assert len(sim.waiting()) == 3
    assert sim.guacamole.connections.keys() == {each.name for each in sim.of_kind("Pod")}


def test_a_pool_that_is_refused_does_not_spin_and_tries_again() -> None:
    sim = PoolSimulation(POOL | {"size": 4})
    sim.server.quota = 2
    sim.settle(250.0)
    assert sim.server.objects[POOL_KEY]["status"]["warmPool"]["reason"] == "PoolRefused"
    calls = sim.server.calls
    sim.settle(30.0)
    assert sim.server.calls == calls
    sim.server.quota = 100
    sim.settle(HOUR)
    assert len(sim.waiting()) == 4, "an administrator who gives room wakes nobody"


def test_a_pool_that_does_not_settle_is_tried_again_later() -> None:
    sim = PoolSimulation(POOL)
    with patch("blendersessions_operator.controller.pool_reconciler.MAX_ROUNDS", 1):
        sim.deliver()
        sim.work()
        assert 0 < sim.queue.due[POOL_KEY] - sim.seconds <= 1, "not at once, and not never"
    sim.settle(60.0)
    assert len(sim.waiting()) == 2


def test_a_class_whose_files_are_missing_makes_no_desktop_and_says_so() -> None:
    sim = PoolSimulation(POOL)
    sim.server.objects[POOL_KEY]["spec"]["extensions"] = {"configMap": "studio"}
    sim.server.touched(POOL_KEY)
    sim.settle()
    told = sim.server.objects[POOL_KEY]["status"]["warmPool"]
    assert told["reason"] == "PoolRefused"
    assert "the ConfigMap studio" in told["message"]
    assert sim.waiting() == set()


@pytest.mark.parametrize(
    ("spec", "reason"), [({"scene": {}}, "OwnScene"), (CART | {"display": {"width": 800}}, "OwnDisplay")]
)
def test_what_a_pool_cannot_give_starts_cold_also_over_a_restart(spec: Manifest, reason: str) -> None:
    sim = filled()
    ref = sim.create(spec)
    sim.deliver()
    sim.work()
    sim.restart()
    sim.settle()
    assert sim.startup(ref) == ("Cold", reason)
    assert len(sim.waiting()) == 2


def test_one_desktop_goes_for_a_session_although_several_pools_could_give_one() -> None:
    sim = filled(size=3)
    sim.server.objects[POOL_KEY._replace(name="other")] = {
        "kind": "BlenderSessionClass",
        "metadata": {"namespace": "art", "name": "other", "uid": "00000000-0000-4000-8000-0000000000dd"},
        "spec": {"warmPool": POOL | {"size": 3}},
    }
    sim.server.touched(POOL_KEY._replace(name="other"))
    sim.settle()
    assert len(sim.waiting()) == 6
    ref = sim.create({"scene": {}})
    find_no_room(sim, ref)
    sim.settle(60.0)
    assert len(sim.waiting()) == 5


def test_a_removal_that_fails_makes_no_room_and_another_one_does() -> None:
    sim, ref = crowded()
    find_no_room(sim, ref)
    sim.deliver()
    sim.server.next_fault = iter(["refused"] * 2 + [""] * 500).__next__
    sim.settle(60.0)
    assert len(sim.waiting()) == 2


def test_a_desktop_that_somebody_has_opened_goes_to_nobody() -> None:
    sim = filled(size=1)
    (name,) = sim.waiting()
    (record,) = sim.guacamole.connections.values()

    async def tunnels() -> list[Tunnel]:
        return [Tunnel("t", record.identifier, "guacadmin", 0.0)]

    sim.guacamole.tunnels = tunnels  # type: ignore[attr-defined]
    sim.guacamole.known_connections = lambda: sim.guacamole.connections  # type: ignore[attr-defined]
    asyncio.run(update_tunnels(sim.context))
    ref = sim.create(CART)
    sim.deliver()
    sim.settle(60.0)
    assert sim.startup(ref) == ("Cold", "PoolEmpty")
    assert name not in {each.name for each in sim.of_kind("Pod")}
    assert len(sim.waiting()) == 1
    assert sim.context.pools.opened == set()


@pytest.mark.parametrize("label", ["blendersessions.io/pool", "app.kubernetes.io/name"])
def test_a_desktop_whose_labels_somebody_changes_is_replaced(label: str) -> None:
    sim = filled()
    ref = next(iter(sim.of_kind("Pod")))
    sim.server.objects[ref]["metadata"]["labels"][label] = "another"
    sim.server.touched(ref)
    sim.settle()
    assert ref not in sim.server.objects
    assert len(sim.waiting()) == 2


def test_another_egress_of_the_class_replaces_desktops_that_wait() -> None:
    sim = filled()
    former = sim.waiting()
    sim.server.objects[POOL_KEY]["spec"]["egress"] = "Public"
    sim.server.touched(POOL_KEY)
    sim.settle()
    assert not former & sim.waiting()
    assert len(sim.waiting()) == 2


def test_a_session_that_comes_with_a_change_of_the_class_is_told_no_difference_of_its_own() -> None:
    sim = filled()
    sim.server.objects[POOL_KEY]["spec"]["image"] = "blender:next"
    sim.server.touched(POOL_KEY)
    ref = sim.create(CART)
    sim.settle()
    assert sim.startup(ref) == ("Cold", "PoolEmpty")


def test_a_session_that_cannot_be_read_holds_no_desktop() -> None:
    sim = filled(size=1)
    wrong = sim.create(CART | {"display": {"width": "wide"}})
    sim.settle()
    assert sim.server.objects[wrong]["status"]["phase"] != "Ready"
    ref = sim.create(CART)
    sim.settle()
    assert sim.startup(ref) == ("Warm", "")


faults = st.lists(st.sampled_from(["", "", "", "refused", "lost"]), max_size=6)
specs = st.sampled_from([CART, CART, {"scene": {"sample": "watering_can.blend"}}, {"scene": {}}])


class Claims(RuleBasedStateMachine):
    """A pool, people, a kubelet, an administrator of Guacamole, faults, and operators that take over."""

    @initialize(size=st.integers(0, 4))
    def begin(self, size: int) -> None:
        self.sim = PoolSimulation(POOL | {"size": size, "maxSize": 4})
        self.sim.settle()
        self.restarted = False

    @rule(seen=st.booleans(), kubernetes=faults, guacamole=faults)
    def the_operator_works(self, seen: bool, kubernetes: list[str], guacamole: list[str]) -> None:
        if seen:
            self.sim.deliver()
        script_k, script_g = iter(kubernetes), iter(guacamole)
        self.sim.server.next_fault = lambda: next(script_k, "")
        self.sim.guacamole.next_fault = lambda: next(script_g, "")
        self.sim.work()
        self.sim.server.next_fault = self.sim.guacamole.next_fault = lambda: ""

    @rule()
    def another_operator_leads(self) -> None:
        self.sim.restart()
        self.restarted = True

    @rule(spec=specs, count=st.integers(1, 3))
    def people_create_sessions(self, spec: Manifest, count: int) -> None:
        if self.sim.made < 8:
            for _ in range(count):
                self.sim.create(spec)

    @rule(number=st.integers(0, 7))
    def a_person_deletes_a_session(self, number: int) -> None:
        refs = sorted(self.sim.of_kind("BlenderSession"))
        if refs:
            ref = refs[number % len(refs)]
            asyncio.run(self.sim.server.delete(ref, self.sim.server.objects[ref]["metadata"]["uid"]))

    @rule(number=st.integers(0, 7), suspend=st.booleans())
    def a_person_suspends(self, number: int, suspend: bool) -> None:
        refs = sorted(self.sim.of_kind("BlenderSession"))
        if refs:
            self.sim.server.change_spec(refs[number % len(refs)], {"suspend": suspend})

    @rule(size=st.integers(0, 4), roll=st.booleans())
    def an_administrator_changes_the_class(self, size: int, roll: bool) -> None:
        found = self.sim.server.objects[POOL_KEY]
        found["spec"] = {"warmPool": POOL | {"size": size, "maxSize": 4}, "image": f"blender:{roll}"}
        self.sim.server.touched(POOL_KEY)

    @rule(number=st.integers(0, 7), how=st.sampled_from(["quit", "crash", "evicted", "gone"]))
    def a_desktop_ends(self, number: int, how: str) -> None:
        refs = sorted(ref for ref, pod in self.sim.of_kind("Pod").items() if "status" in pod)
        if not refs:
            return
        ref = refs[number % len(refs)]
        if how == "gone":
            self.sim.server.collect(ref)
            return
        pod = self.sim.server.objects[ref]
        ended = {"exitCode": int(how == "crash"), "finishedAt": self.sim.now().isoformat()}
        container = {"name": "blender", "state": {"running": {}}, "lastState": {"terminated": ended}}
        failed = {"phase": "Failed", "reason": "Evicted", "message": "memory"}
        pod["status"] |= failed if how == "evicted" else {"containerStatuses": [container]}
        self.sim.server.touched(ref)

    @rule()
    def the_kubelet_reports(self) -> None:
        self.sim.kubelet()

    @rule(seconds=st.sampled_from([1.0, 60.0, 700.0, 90_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.sim.seconds += seconds

    @invariant()
    def a_desktop_has_one_session(self) -> None:
        if hasattr(self, "sim"):
            assert all(len(of) == 1 for of in self.sim.server.sessions_of_pod.values())

    def teardown(self) -> None:
        if not hasattr(self, "sim"):
            return
        sim = self.sim
        sim.settle(HOUR)
        for ref, found in sim.of_kind("BlenderSession").items():
            wanted = "Suspended" if found["spec"].get("suspend") else "Ready"
            assert found["status"]["phase"] == wanted, f"{ref}: {found['status']}"
        told, pods = sim.server.objects[POOL_KEY], sim.of_kind("Pod")
        size = told["spec"]["warmPool"]["size"]
        assert len(sim.waiting()) == size, "the pool is as its class wants it"
        assert told["status"]["warmPool"]["ready"] == size
        taken = [owner(pod)["uid"] for pod in pods.values() if owner(pod)["kind"] == "BlenderSession"]
        assert len(taken) == len(set(taken)), "nobody has two"
        names = {ref.name for ref in pods}
        kept = {each.desktop.name for each in sim.context.cache.sessions()}
        connections = sim.guacamole.connections.keys()
        assert names <= connections, "each can be opened"
        if not self.restarted:
            assert connections - names - kept == set(), "what another operator left is for the sweep"
        assert not {name for name in sim.guacamole.connections if name in sim.waiting()} & {
            name for _, name in sim.guacamole.grants
        }, "nobody may open one that waits"
        before = sim.server.calls, sim.guacamole.calls
        sim.queue.add(POOL_KEY)
        sim.settle()
        assert (sim.server.calls, sim.guacamole.calls) == before, "nothing is left to do"


TestClaims = Claims.TestCase
TestClaims.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
