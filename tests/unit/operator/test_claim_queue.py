"""One volume has one desktop: the others wait, name the first session, and start by themselves."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Ref, ref_of
from blendersessions.model.names import name_for, user_secret_name
from blendersessions_operator.controller.informer import apply_event
from blendersessions_operator.controller.reconciler import reconcile
from unit.operator.factories import UID, body
from unit.operator.simulation import Simulation

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

NAMES = ("first", "second", "third")
SHARED: dict[str, Any] = {"workspace": {"claimName": "shared"}}


class Sharing:
    """Sessions that share a volume, and the operator that serves them."""

    def __init__(self, specs: dict[str, Manifest]) -> None:
        self.sim = Simulation()
        self.add_claim("shared", "*")
        for number, (name, spec) in enumerate(specs.items()):
            made = body(spec, finalizer=False)
            made["metadata"] |= {"name": name, "uid": uid_of(name), "creationTimestamp": f"2026-11-24T05:0{number}:00Z"}
            self.sim.server.objects[ref(name)] = made
            self.sim.server.touched(ref(name))

    def work(self, *names: str) -> None:
        for name in names:
            self.sim.sync_caches()
            self.work_blindly(name)

    def work_blindly(self, name: str) -> None:
        """Reconcile a session while the cache is behind, but for our own writes."""
        asyncio.run(reconcile(self.sim.context, ref(name)))

    def edit(self, name: str, spec: Manifest) -> None:
        asyncio.run(self.sim.server.merge(ref(name), {"spec": spec}))
        self.sim.server.objects[ref(name)]["metadata"]["generation"] += 1

    def add_class(self, name: str, spec: Manifest) -> None:
        made = {
            "kind": CLASS_KIND,
            "metadata": {"namespace": "art", "name": name, "uid": f"class-{name}"},
            "spec": spec,
        }
        self.sim.server.objects[ref_of(made)] = made
        self.sim.server.touched(ref_of(made))

    def add_claim(self, name: str, allowed: str, **metadata: Any) -> None:  # noqa: ANN401 - any field of a manifest
        """Make a claim, or change one; who may use it stands in the annotation."""
        annotations = {"blendersessions.io/workspace-for": allowed} if allowed else {}
        made = {
            "kind": "PersistentVolumeClaim",
            "metadata": {"namespace": "art", "name": name, "uid": f"claim-{name}", "annotations": annotations}
            | metadata,
            "spec": {},
        }
        self.sim.server.objects[ref_of(made)] = made
        self.sim.server.touched(ref_of(made))

    def desktop(self, name: str) -> tuple[str, str]:
        conditions = self.sim.server.objects[ref(name)].get("status", {}).get("conditions", [])
        [(reason, message)] = [(e["reason"], e["message"]) for e in conditions if e["type"] == "DesktopReady"]
        return reason, message

    def has_pod(self, name: str) -> bool:
        return Ref("Pod", "art", name_for(uid_of(name))) in self.sim.server.objects

    def woken(self) -> set[str]:
        added, self.sim.queue.added[:] = {each.name for each in self.sim.queue.added}, []
        return added


def ref(name: str) -> Ref:
    return Ref(SESSION_KIND, "art", name)


def uid_of(name: str) -> str:
    return str(uuid.uuid5(uuid.UUID(UID), name))


def test_the_second_session_waits_names_the_first_and_starts_when_it_is_suspended() -> None:
    sharing = Sharing(dict.fromkeys(NAMES, SHARED))
    sharing.work(*NAMES)
    assert [sharing.has_pod(name) for name in NAMES] == [True, False, False]
    for name in NAMES[1:]:
        reason, message = sharing.desktop(name)
        assert reason == "WorkspaceInUse"
        assert "The volume shared of the workspace is in use by the session first," in message
        status = sharing.sim.server.objects[ref(name)]["status"]
        assert status["phase"] == "Queued"
        assert "startedAt" not in status, "the wait is no start"
    sharing.woken()
    sharing.edit("first", {"suspend": True})
    sharing.work("first")
    assert sharing.woken() >= {"second", "third"}
    sharing.work("second", "third")
    assert [sharing.has_pod(name) for name in NAMES] == [False, True, False]
    assert "the session second," in sharing.desktop("third")[1]
    sharing.edit("first", {"suspend": False})
    sharing.work("first")
    assert "the session second," in sharing.desktop("first")[1], "who has it keeps it"


def test_a_volume_that_was_made_for_a_session_is_that_sessions() -> None:
    made = name_for(uid_of("first"))
    sharing = Sharing({"first": {"workspace": {"size": "1Gi"}}, "second": {"workspace": {"claimName": made}}})
    sharing.work("first", "second")
    assert [sharing.has_pod(name) for name in ("first", "second")] == [True, False]
    reason, message = sharing.desktop("second")
    assert reason == "WorkspaceNotAllowed"
    assert f"The volume claim {made} of the workspace was made for the session first: name another claim" in message


def test_the_end_of_a_pod_and_of_a_session_wake_those_who_wait() -> None:
    sharing = Sharing(dict.fromkeys(NAMES, SHARED))
    sharing.work(*NAMES)
    pod = sharing.sim.server.objects[Ref("Pod", "art", name_for(uid_of("first")))]
    sharing.woken()
    apply_event(sharing.sim.context, {"kind": "Pod"} | pod, gone=True)
    assert sharing.woken() >= {"second", "third"}
    sharing.sim.context.cache.remove(ref("first"))
    assert sharing.woken() >= {"second", "third"}


def test_a_pod_whose_session_is_gone_still_has_the_volume() -> None:
    sharing = Sharing(dict.fromkeys(NAMES[:2], SHARED))
    sharing.work(*NAMES[:2])
    del sharing.sim.server.objects[ref("first")]
    sharing.work("second")
    assert not sharing.has_pod("second")
    assert f"in use by Pod art/{name_for(uid_of('first'))}," in sharing.desktop("second")[1]
    sharing.sim.server.collect(Ref("Pod", "art", name_for(uid_of("first"))))
    sharing.work("second")
    assert sharing.has_pod("second")


def test_a_session_that_its_class_refuses_holds_up_nobody() -> None:
    sharing = Sharing({"first": SHARED | {"className": "none"}, "second": SHARED})
    sharing.work("first", "second")
    assert sharing.has_pod("second")
    assert sharing.desktop("first")[0] == "ClassNotFound"


def test_a_session_that_waits_for_its_volume_holds_no_capacity_of_its_class() -> None:
    """Otherwise `second` would hold the capacity that `first` waits for, and wait for the volume of `first`."""
    sharing = Sharing({"other": {"className": "one"}} | dict.fromkeys(NAMES[:2], SHARED | {"className": "one"}))
    sharing.add_class("one", {"limits": {"sessions": 1}})
    sharing.work("other", "second", "first")
    assert sharing.desktop("second")[0] == "WorkspaceInUse"
    assert sharing.desktop("first")[0] == "Queued"
    sharing.edit("other", {"suspend": True})
    sharing.work("other", "second", "first")
    assert [sharing.has_pod(name) for name in NAMES[:2]] == [True, False]
    sharing.edit("first", {"suspend": True})
    sharing.work("first", "second")
    assert sharing.has_pod("second")


ALICES: dict[str, Any] = {"owner": "alice", "workspace": {"claimName": "home"}}
MALLORYS: dict[str, Any] = {"owner": "mallory", "workspace": {"claimName": "home"}}


def test_a_session_that_the_claim_refuses_holds_up_nobody_and_makes_nothing() -> None:
    sharing = Sharing({"first": MALLORYS, "second": ALICES})
    sharing.add_claim("home", "alice")
    sharing.work("first", "second", "first")
    assert [sharing.has_pod(name) for name in ("first", "second")] == [False, True]
    reason, message = sharing.desktop("first")
    assert (reason, "does not allow mallory" in message) == ("WorkspaceNotAllowed", True)
    assert sharing.sim.server.objects[ref("first")]["status"]["phase"] == "Failed"
    children = {name_for(uid_of("first")), user_secret_name("mallory")}
    assert not {each for each in sharing.sim.server.objects if each.name in children}, "no Secret, Service or user"
    assert sharing.sim.queue.delays, "the claim is read again, since no watch reports its changes"


def test_a_claim_counts_at_each_start_and_not_in_between() -> None:
    sharing = Sharing({"first": ALICES, "second": MALLORYS})
    sharing.add_claim("home", "")
    sharing.work("first")
    assert sharing.desktop("first")[0] == "WorkspaceNotAllowed"
    sharing.add_claim("home", "alice")
    sharing.work("first")
    assert sharing.has_pod("first")
    started = sharing.sim.server.objects[ref("first")]["status"]["startedAt"]
    assert not started.startswith("2026-11-24T05:00"), "the time of the refusal is no start"
    sharing.add_claim("home", "mallory")
    sharing.sim.restart()
    sharing.work("second", "first")
    assert sharing.has_pod("first"), "who runs keeps the volume"
    assert sharing.desktop("second")[0] == "WorkspaceInUse"
    sharing.sim.server.collect(Ref("Pod", "art", name_for(uid_of("first"))))
    sharing.work("first")
    assert not sharing.has_pod("first")
    assert sharing.desktop("first")[0] == "WorkspaceNotAllowed"
    sharing.work("second")
    assert sharing.has_pod("second")


def test_a_claim_that_does_not_exist_yet_is_waited_for() -> None:
    sharing = Sharing({"first": ALICES})
    sharing.work("first")
    assert (sharing.desktop("first")[0], sharing.has_pod("first")) == ("WorkspaceNotFound", False)
    sharing.add_claim("home", "alice")
    sharing.work("first")
    assert sharing.has_pod("first")


def test_a_claim_that_cannot_be_read_starts_nothing() -> None:
    sharing = Sharing({"first": ALICES})
    sharing.add_claim("home", "alice")
    sharing.sim.sync_caches()
    sharing.sim.server.next_fault = lambda: "refused"
    sharing.work_blindly("first")
    sharing.sim.server.next_fault = lambda: ""
    assert not sharing.has_pod("first")
    sharing.work("first")
    assert sharing.has_pod("first")


def test_sessions_that_are_refused_take_no_room_of_their_class() -> None:
    """Otherwise a few of them, which never run and so never end, would shut out everybody."""
    mallorys = {"first": MALLORYS | {"className": "one"}, "second": {"viewers": ["eve"], "className": "one"}}
    sharing = Sharing(mallorys | {"third": {"className": "one"}})
    sharing.add_claim("home", "alice")
    sharing.add_class("one", {"limits": {"sessions": 1}, "viewers": ["*@example.org"]})
    sharing.work("first", "second", "third")
    assert [sharing.desktop(name)[0] for name in NAMES[:2]] == ["WorkspaceNotAllowed", "BeyondClass"]
    assert sharing.has_pod("third")


def test_a_refusal_that_comes_later_gives_the_room_to_who_waits() -> None:
    sharing = Sharing({"first": {"className": "one"}, "second": {"className": "one", "owner": "bob"}})
    sharing.add_class("one", {"limits": {"sessions": 1}})
    sharing.work("first", "second")
    assert sharing.desktop("second")[0] == "Queued"
    sharing.sim.server.collect(Ref("Pod", "art", name_for(uid_of("first"))))
    sharing.add_class("one", {"limits": {"sessions": 1, "sessionsPerOwner": 1}})
    sharing.woken()
    sharing.work("first", "second")
    assert sharing.desktop("first")[0] == "BeyondClass"
    assert sharing.has_pod("second")


actions = st.lists(
    st.tuples(
        st.sampled_from(["work", "work_blindly", "suspend", "resume", "restart", "lose_pod"]), st.sampled_from(NAMES)
    ),
    max_size=25,
)


@given(actions)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_never_two_desktops_on_one_volume_and_always_one_in_the_end(steps: list[tuple[str, str]]) -> None:
    sharing = Sharing(dict.fromkeys(NAMES, SHARED))
    for action, name in steps:
        match action:
            case "suspend" | "resume":
                sharing.edit(name, {"suspend": action == "suspend"})
            case "restart":
                sharing.sim.restart()
                sharing.sim.sync_caches()
            case "lose_pod":
                if sharing.has_pod(name):
                    sharing.sim.server.collect(Ref("Pod", "art", name_for(uid_of(name))))
            case _:
                getattr(sharing, action)(name)
        assert len(sharing.sim.pods()) <= 1, (action, name)
    sharing.work(*NAMES * 3)
    wanted = [name for name in NAMES if not sharing.sim.server.objects[ref(name)]["spec"].get("suspend")]
    running = [name for name in NAMES if sharing.has_pod(name)]
    assert len(running) == min(1, len(wanted))
    assert all(sharing.desktop(name)[0] == "WorkspaceInUse" for name in wanted if name not in running)
