"""Any order of events, faults and restarts converges, and a session never has two desktops."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from blendersessions.model.access import access_list
from blendersessions.model.manifest import Ref, ref_of
from blendersessions.model.session import parse_session
from unit.operator.factories import body
from unit.operator.simulation import KEY, Simulation

ROUNDS = 20
MAX_AGE_SECONDS = 8
LATE = 60
"""Requests after which the session may be deleted, so that something happens to it before."""
faults = st.lists(st.sampled_from(["", "", "refused", "lost"]), max_size=8)
owners = st.sampled_from(["", "ann", "bo"])
scenes = st.sampled_from([{}, {"upload": {}}, {"volume": {"claimName": "scenes", "path": "cart.blend"}}])
crowds = st.sampled_from([None, ["vic"], ["vic", "wu"]])


class Life(RuleBasedStateMachine):
    """A session, its owner, a person at kubectl, a kubelet, an administrator of Guacamole, and crashes."""

    @initialize(workspace=st.booleans(), mortal=st.booleans(), owner=owners, scene=scenes)
    def begin(self, workspace: bool, mortal: bool, owner: str, scene: dict[str, Any]) -> None:
        self.sim = Simulation()
        self.resumed_at = self.sim.now()
        spec = {"workspace": {"size": "1Gi"}} if workspace else {}
        lifetime = {"lifetime": {"maxAge": f"{MAX_AGE_SECONDS}s"}} if mortal else {}
        allowed = {"blendersessions.io/scenes-for": "*"}
        claim = {"namespace": "art", "name": "scenes", "uid": "scenes", "annotations": allowed}
        library = {"kind": "PersistentVolumeClaim", "metadata": claim}
        self.sim.server.objects[Ref("PersistentVolumeClaim", "art", "scenes")] = library
        made = body(spec | lifetime | {"scene": scene} | ({"owner": owner} if owner else {}), finalizer=False)
        made["metadata"]["creationTimestamp"] = self.sim.now().isoformat()
        self.sim.server.objects[KEY] = made
        self.sim.server.touched(KEY)

    def alive(self) -> bool:
        session = self.sim.session()
        return session is not None and not session["metadata"].get("deletionTimestamp")

    @rule(seen=st.booleans(), kubernetes=faults, guacamole=faults)
    def the_operator_works(self, seen: bool, kubernetes: list[str], guacamole: list[str]) -> None:
        if seen:
            self.sim.sync_caches()
        script_k, script_g = iter(kubernetes), iter(guacamole)
        self.sim.server.next_fault = lambda: next(script_k, "")
        self.sim.guacamole.next_fault = lambda: next(script_g, "")
        asyncio.run(self.sim.reconcile())
        self.sim.server.next_fault = self.sim.guacamole.next_fault = lambda: ""

    @rule()
    def the_operator_crashes(self) -> None:
        self.sim.restart()

    @precondition(alive)
    @rule(viewers=crowds, suspend=st.booleans())
    def a_person_edits(self, viewers: list[str] | None, suspend: bool) -> None:
        self.sim.server.change_spec(KEY, {"viewers": viewers, "suspend": suspend})

    @precondition(alive)
    @rule(replicas=st.sampled_from([0, 1, 1]))
    def a_person_scales(self, replicas: int) -> None:
        found = self.sim.server.objects[KEY]
        # A suspension that nobody saw before it was taken back stopped nothing.
        seen = "suspension" in found.get("status", {})
        if replicas == 1 and found["spec"].get("replicas") == 0 and seen:
            self.resumed_at = self.sim.now()
        self.sim.server.change_spec(KEY, {"replicas": replicas})

    @precondition(alive)
    @rule(kind=st.sampled_from(["Pod", "Service", "Secret"]), number=st.integers(0, 3))
    def a_person_deletes_a_child(self, kind: str, number: int) -> None:
        found = [ref for ref in self.sim.server.objects if ref.kind == kind]
        if found:
            self.sim.server.collect(found[number % len(found)])

    @rule(phase=st.sampled_from(["Running", "Failed"]))
    def the_kubelet_reports(self, phase: str) -> None:
        for pod in self.sim.pods():
            ready = "True" if phase == "Running" else "False"
            status = {"phase": phase, "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": ready}]}
            if phase == "Failed":
                status |= {"reason": "Evicted", "message": "The node was low on resource: memory. "}
            if pod.get("status") != status:
                pod["status"] = status
                self.sim.server.touched(ref_of(pod))

    @rule(what=st.sampled_from(["connections", "users", "grants"]))
    def guacamole_loses(self, what: str) -> None:
        if what != "grants":
            getattr(self.sim.guacamole, what).clear()
        self.sim.guacamole.grants.clear()

    @rule(reason=st.sampled_from(["", "SceneFetching", "AwaitingUpload", "SceneUnreadable", "Nonsense"]))
    def the_agent_says(self, reason: str) -> None:
        told = replace(self.sim.agents.scene, ready=not reason, scene_reason=reason, scene_message=reason)
        self.sim.agents.scene = told

    @rule(full=st.booleans())
    def the_disk_fills(self, full: bool) -> None:
        self.sim.agents.full = full

    @rule()
    def a_while_passes(self) -> None:
        """Everything works for a while, so that the next step meets a session that runs or is suspended."""
        for _ in range(4):
            self.the_kubelet_reports("Running")
            self.sim.sync_caches()
            asyncio.run(self.sim.reconcile())

    @precondition(lambda self: self.alive() and self.sim.context.kubernetes.calls > LATE)  # type: ignore[attr-defined]
    @rule()
    def a_person_deletes_it(self) -> None:
        asyncio.run(self.sim.server.delete(KEY, self.sim.server.objects[KEY]["metadata"]["uid"]))

    @invariant()
    def a_resume_gives_a_whole_run(self) -> None:
        for expired_at in self.sim.server.expiries:
            lived = (expired_at - self.resumed_at).total_seconds()
            assert lived <= 0 or lived >= MAX_AGE_SECONDS, "a person's resume was overwritten"

    @invariant()
    def never_two_desktops(self) -> None:
        assert len(self.sim.pods()) <= 1
        assert self.sim.server.open_pods_made == 0, "each is made after the policies that confine it"
        if self.sim.session() is None:
            assert self.sim.guacamole.connections == {}, "the finalizer holds it until Guacamole is clear"

    def teardown(self) -> None:
        """Let everything work again, and check that all is as the session wants it."""
        if not hasattr(self, "sim"):
            return
        self.sim.agents.full = False
        self.the_agent_says("")
        for attempt in itertools.count():
            # A pod that failed is left for ten seconds; here somebody else removes it.
            for ref in [ref for ref, pod in self.sim.server.objects.items() if has_ended(ref.kind, pod)]:
                self.sim.server.collect(ref)
            self.the_kubelet_reports("Running")
            self.sim.sync_caches()
            session = self.sim.session()
            self.sim.guacamole.sweep(access_list(parse_session(session)) if session is not None else ())
            before = self.sim.server.calls + self.sim.guacamole.calls
            done = asyncio.run(self.sim.reconcile())
            if done and self.sim.server.calls + self.sim.guacamole.calls == before and self.is_as_wanted():
                break
            assert attempt < ROUNDS, f"does not converge: {self.sim.session()}"

    def is_as_wanted(self) -> bool:
        found = self.sim.session()
        guacamole = self.sim.guacamole
        if found is None:
            return not guacamole.connections and not guacamole.users and not self.sim.pods()
        session = parse_session(found)
        grants = set(access_list(session).items())
        assert guacamole.grants <= grants | guacamole.grants
        served = guacamole.grants == grants and {pair[1] for pair in grants} == set(guacamole.connections)
        never_ran = session.suspend_requested and not guacamole.connections
        phase = found["status"]["phase"]
        if session.suspend_requested:
            return phase == "Suspended" and not self.sim.pods() and (served or never_ran)
        told = session.status.last_termination is None or not session.status.last_termination.notice_pending
        return (
            phase == "Ready"
            and told
            and len(self.sim.pods()) == 1
            and served
            and set(guacamole.users) == set(access_list(session))
        )


def has_ended(kind: str, manifest: dict[str, Any]) -> bool:
    return kind == "Pod" and manifest.get("status", {}).get("phase") == "Failed"


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
