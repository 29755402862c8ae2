"""How a desktop ended is named, recorded before its pod goes, and told in the next desktop."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.errors import System, Unavailable
from blendersessions.model.fields import timestamp
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.endings import termination
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.planning.status import status
from blendersessions_operator.planning.status_events import events_of_change
from blendersessions_operator.planning.steps import Area
from unit.operator.factories import NOW, everything_observed, running_pod, session

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions.model.status import SessionStatus

ENDED = NOW + timedelta(hours=1)
HOME = 'Usage of EmptyDir volume "home" exceeds the limit "4Gi". '


def moment(seconds: float = 0) -> str:
    return timestamp(ENDED + timedelta(seconds=seconds), "seconds")


def ended_container(code: int, reason: str = "Error", message: str = "", *, runs: bool = False) -> Manifest:
    """A pod whose container ended at `ENDED`; it waits, or runs again."""
    pod = running_pod(session(), ready=False)
    last = {"exitCode": code, "reason": reason, "message": message, "startedAt": moment(-60), "finishedAt": moment()}
    state = {"running": {}} if runs else {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    pod["status"]["containerStatuses"] = [{"name": "blender", "state": state, "lastState": {"terminated": last}}]
    return pod


def evicted(message: str = HOME, reason: str = "Evicted") -> Manifest:
    pod = running_pod(session(), ready=False)
    pod["status"] |= {"phase": "Failed", "reason": reason, "message": message, "containerStatuses": []}
    pod["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True", "lastTransitionTime": moment()})
    return pod


def was_ready(spec: dict[str, Any] | None = None) -> Session:
    of = session(spec)
    return replace(of, status=status(of, everything_observed(of)))


def seen(of: Session, pod: Manifest | None, seconds: float = 1) -> SessionStatus:
    return status(of, replace(everything_observed(of), pod=pod, now=ENDED + timedelta(seconds=seconds)))


def reason_and_message(stated: SessionStatus, kind: str = "DesktopReady") -> tuple[str, str]:
    [entry] = [each for each in stated.conditions if each.type == kind]
    return entry.reason, entry.message


OUT_OF_MEMORY = {
    "the kernel ended the container": ended_container(137, "OOMKilled"),
    "it runs again and shows nothing yet": ended_container(137, "OOMKilled", runs=True),
    "the container told it": ended_container(
        64, message=json.dumps({"reason": "OutOfMemory", "message": "4Gi: raise spec.resources.limits.memory."})
    ),
    "the container knew less than the kubelet": ended_container(
        64, "OOMKilled", json.dumps({"reason": "BlenderFailed", "message": "Blender ended: SIGKILL."})
    ),
}


@pytest.mark.parametrize("pod", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_out_of_memory_is_named_with_the_limit_and_what_to_raise(pod: Manifest) -> None:
    stated = seen(was_ready(), pod)
    for kind in ("DesktopReady", "Ready"):
        reason, message = reason_and_message(stated, kind)
        assert reason == "OutOfMemory"
        assert "4Gi" in message
        assert "spec.resources.limits.memory" in message
    assert stated.last_termination is not None
    assert (stated.last_termination.reason, stated.last_termination.at) == ("OutOfMemory", ENDED.replace(microsecond=0))


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        (HOME, "spec.workspace.size"),
        ('Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ', "into the home folder"),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. ", "ephemeral-storage"),
        ("The node was low on resource: memory. Threshold quantity: 100Mi, available: 1Mi. ", "requests.memory"),
        ("The node was low on resource: ephemeral-storage. ", "an administrator frees some"),
        ("The node had condition: [DiskPressure]. ", "DiskPressure"),
    ],
)
def test_an_eviction_has_the_words_of_kubernetes_and_what_to_do(message: str, advice: str) -> None:
    reason, told = reason_and_message(seen(was_ready(), evicted(message)))
    assert reason == "Evicted"
    assert message.strip() in told
    assert advice in told


def test_other_ends_of_the_pod_keep_the_reason_of_kubernetes() -> None:
    found = termination(evicted("Pod was rejected: too little cpu", "OutOfcpu"))
    assert found is not None
    assert (found.reason, found.notice_pending) == ("OutOfcpu", True)


def test_an_end_before_the_desktop_was_ready_again_is_no_reason_any_more() -> None:
    pod = ended_container(137, "OOMKilled", runs=True)
    pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": moment(1)}}
    for moved, expected in ((2, "OutOfMemory"), (600, "DesktopRunning")):
        pod["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": moment(moved)}]
        assert reason_and_message(seen(was_ready(), pod, 601))[0] == expected


def test_a_notice_that_fails_is_tried_again_later_and_holds_up_nothing() -> None:
    of = was_ready()
    of = replace(of, status=seen(of, evicted()))
    failed = {Area.NOTICE: Unavailable("away", System.AGENT)}
    assert plan(of, replace(everything_observed(of), failures=failed)).empty
    stated = status(of, replace(everything_observed(of), failures=failed))
    assert stated.phase == "Ready"
    assert stated.last_termination is not None
    assert stated.last_termination.notice_pending


def test_ends_that_somebody_asked_for_are_none() -> None:
    assert termination(running_pod(session())) is None
    assert termination(ended_container(0, "Completed")) is None, "a person quit Blender"
    no_scene = json.dumps({"reason": "SceneNotFound", "message": "There are: cart.blend"})
    assert termination(ended_container(64, message=no_scene)) is None
    deleted = ended_container(143)
    deleted["metadata"]["deletionTimestamp"] = moment()
    assert termination(deleted) is None, "we deleted it, or a person did"


def test_each_end_is_one_event_with_the_same_reason_and_text() -> None:
    first = was_ready()
    pod = ended_container(137, "OOMKilled")
    reported = seen(first, pod)
    [event] = events_of_change(first.status, reported, NOW)
    assert (event.type, event.reason) == ("Warning", "OutOfMemory")
    assert reported.last_termination is not None
    assert event.message == reported.last_termination.message
    starting = seen(replace(first, status=reported), ended_container(137, "OOMKilled", runs=True), 20)
    waiting = seen(replace(first, status=starting), pod, 21)
    assert events_of_change(reported, starting, NOW) == events_of_change(starting, waiting, NOW) == []
    again = ended_container(137, "OOMKilled")
    again["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = moment(30)
    second = seen(replace(first, status=waiting), again, 31)
    assert [event.reason for event in events_of_change(waiting, second, NOW)] == ["OutOfMemory"]


def test_the_end_is_named_while_another_desktop_starts_and_found_after_it_is_ready() -> None:
    of = was_ready()
    stated = seen(of, evicted())
    for number, (pod, kind) in enumerate(((None, "DesktopReady"), (running_pod(of, ready=False), "SceneReady"))):
        stated = seen(replace(of, status=stated), pod, 10 + 100 * number)
        for each in (kind, "Ready"):
            assert "The former desktop ended (Evicted): Usage of EmptyDir" in reason_and_message(stated, each)[1]
    ready = seen(replace(of, status=stated), running_pod(of), 200)
    assert ready.phase == "Ready"
    assert ready.last_termination is not None
    assert 'EmptyDir volume "home" exceeds the limit' in ready.last_termination.sentence
    later = seen(replace(of, status=ready), None, 3600)
    assert "former desktop" not in reason_and_message(later)[1], "this start has another cause"


def test_an_end_that_only_the_pod_shows_is_recorded_before_the_pod_goes() -> None:
    of = was_ready()
    pod = evicted()
    observed = replace(everything_observed(of), pod=pod, now=ENDED + timedelta(seconds=30))
    [record], [delete] = plan(of, observed).stages
    assert isinstance(record, steps.RecordTermination)
    assert isinstance(delete, steps.DeleteObject)
    assert record.termination.reason == "Evicted"
    assert delete.grace_seconds is None
    recorded = replace(of, status=replace(of.status, last_termination=record.termination))
    [[only]] = plan(recorded, observed).stages
    assert isinstance(only, steps.DeleteObject)


@pytest.mark.parametrize(
    ("spec", "words"),
    [({}, "What was in it is lost."), ({"workspace": {"claimName": "mine"}}, "Your files are in the workspace;")],
)
def test_the_next_desktop_tells_of_an_eviction_once(spec: dict[str, Any], words: str) -> None:
    of = was_ready(spec)
    of = replace(of, status=seen(of, evicted(HOME + "x" * 900)))
    starting = replace(everything_observed(of), pod=running_pod(of, ready=False))
    assert plan(of, starting).empty
    [[step]] = plan(of, everything_observed(of)).stages
    assert isinstance(step, steps.TellTermination)
    assert words in step.message
    assert "exceeds the limit" in step.message
    assert len(step.message) <= 500
    told = replace(of, status=replace(of.status, last_termination=replace(step.termination, notice_pending=False)))
    assert plan(told, everything_observed(told)).empty
    again = seen(told, evicted())
    assert again.last_termination == told.status.last_termination, "the same end is not told twice"


def test_a_desktop_tells_of_an_end_of_its_container_itself() -> None:
    of = was_ready()
    of = replace(of, status=seen(of, ended_container(137, "OOMKilled")))
    assert plan(of, everything_observed(of)).empty
