"""A node that does not answer is named with the way out, and a desktop without a volume leaves it by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.fields import timestamp
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.status import status
from unit.operator.factories import NOW, everything_observed, running_pod, session

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions.model.status import SessionStatus
    from blendersessions_operator.planning.observed import Observed

VOLUME: dict[str, Any] = {"workspace": {"claimName": "mine"}}
SOON = NOW.replace(microsecond=0) + timedelta(minutes=10)
LATE = SOON + timedelta(seconds=31)
TAINT = "kubectl taint nodes node-7 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"


def was_ready(spec: Manifest | None = None) -> Session:
    of = session(spec)
    return replace(of, status=status(of, everything_observed(of)))


def on_node(of: Session, *, cut_off: bool, deleted: datetime | None = None) -> Manifest:
    """The session's pod on a node; the kubelet's last report is that it is ready."""
    pod = running_pod(of)
    pod["spec"]["nodeName"] = "node-7"
    pod["status"]["conditions"] = [
        {"type": "Ready", "status": "False" if cut_off else "True"},
        {"type": "ContainersReady", "status": "True"},
    ]
    if deleted is not None:
        pod["metadata"]["deletionTimestamp"] = timestamp(deleted, "seconds")
    return pod


def seen(of: Session, pod: Manifest, now: datetime) -> Observed:
    return replace(everything_observed(of), pod=pod, now=now)


def entries(stated: SessionStatus) -> dict[str, tuple[str, str, str]]:
    return {each.type: (each.status, each.reason, each.message) for each in stated.conditions}


@pytest.mark.parametrize("spec", [{}, VOLUME])
def test_a_node_that_kubernetes_gave_up_is_named_at_once(spec: Manifest) -> None:
    of = was_ready(spec)
    found = entries(status(of, seen(of, on_node(of, cut_off=True), SOON)))
    for kind in ("DesktopReady", "Ready"):
        state, reason, message = found[kind]
        assert (state, reason) == ("False", "NodeLost")
        assert "The node node-7 does not answer." in message
        assert (TAINT in message) == bool(spec), "without a volume nobody has to act"
    assert found["SceneReady"][:2] == ("False", "DesktopNotReady")


def test_a_pod_that_its_node_does_not_end_is_named_within_a_minute() -> None:
    of = was_ready(VOLUME)
    pod = on_node(of, cut_off=False, deleted=SOON)
    before = seen(of, pod, SOON + timedelta(seconds=1))
    assert entries(status(of, before))["DesktopReady"][:2] == ("False", "PodTerminating")
    assert requeue_after(of, before) == timedelta(seconds=29), "no event will tell"
    state, reason, message = entries(status(of, seen(of, pod, LATE)))["Ready"]
    assert (state, reason) == ("False", "NodeLost")
    assert TAINT in message


def test_a_finalizer_that_keeps_the_pod_is_not_taken_for_a_lost_node() -> None:
    of = was_ready(VOLUME)
    pod = on_node(of, cut_off=False, deleted=SOON)
    pod["metadata"]["finalizers"] = ["example.org/theirs"]
    pod["status"]["containerStatuses"] = [{"name": "blender", "state": {"terminated": {"exitCode": 0}}}]
    _, reason, message = entries(status(of, seen(of, pod, LATE)))["DesktopReady"]
    assert reason == "PodTerminating"
    assert "example.org/theirs" in message


@pytest.mark.parametrize("suspend", [False, True])
def test_a_desktop_without_a_volume_is_given_up_at_the_end_of_its_grace_period(*, suspend: bool) -> None:
    of = was_ready({"suspend": suspend})
    pod = on_node(of, cut_off=True, deleted=SOON)
    for now in (SOON - timedelta(seconds=1), SOON):
        planned = [step for stage in plan(of, seen(of, pod, now)).stages for step in stage]
        deletions = [step for step in planned if isinstance(step, steps.DeleteObject)]
        assert [(step.uid, step.grace_seconds) for step in deletions] == ([("pod-uid", 0)] if now is SOON else [])
        assert not any(isinstance(step, steps.CreateObject) for step in planned), "it is not gone yet"


@pytest.mark.parametrize("suspend", [False, True])
def test_a_desktop_with_a_volume_is_never_given_up_by_us(*, suspend: bool) -> None:
    of = was_ready(VOLUME | {"suspend": suspend})
    for cut_off in (True, False):
        pod = on_node(of, cut_off=cut_off, deleted=SOON)
        planned = plan(of, seen(of, pod, SOON + timedelta(days=1))).stages
        assert not [step for stage in planned for step in stage if isinstance(step, steps.DeleteObject)]


def test_a_node_that_may_only_be_slow_keeps_a_desktop_without_a_volume() -> None:
    of = was_ready()
    assert plan(of, seen(of, on_node(of, cut_off=False, deleted=SOON), LATE)).empty


def test_a_suspension_that_waits_for_a_lost_node_says_so() -> None:
    of = was_ready(VOLUME | {"suspend": True})
    found = entries(status(of, seen(of, on_node(of, cut_off=True, deleted=SOON), LATE)))
    for kind in ("DesktopReady", "Suspended", "Ready"):
        assert TAINT in found[kind][2]
    assert requeue_after(of, seen(of, on_node(of, cut_off=True, deleted=LATE), SOON)) == LATE - SOON


def test_kubernetes_removal_of_the_pod_starts_the_desktop_anew() -> None:
    of = was_ready(VOLUME)
    gone = replace(everything_observed(of), pod=None, now=LATE)
    [[step]] = plan(of, gone).stages
    assert isinstance(step, steps.CreateObject)
    assert step.manifest["kind"] == "Pod"


def test_the_node_is_what_ended_the_former_desktop() -> None:
    of = was_ready(VOLUME)
    stated = status(of, seen(of, on_node(of, cut_off=True, deleted=SOON), LATE))
    assert stated.last_termination is not None
    assert (stated.last_termination.reason, stated.last_termination.notice_pending) == ("NodeLost", True)
    assert "node-7" in stated.last_termination.message


def test_a_restart_has_the_start_deadline_too() -> None:
    of = was_ready(VOLUME)
    pod = on_node(of, cut_off=True, deleted=SOON)
    down = replace(of, status=status(of, seen(of, pod, SOON)))
    assert requeue_after(down, seen(down, pod, LATE)) == SOON + timedelta(minutes=10) - LATE
    late = status(down, seen(down, pod, SOON + timedelta(minutes=10)))
    state, reason, message = entries(late)["Stalled"]
    assert (state, reason) == ("True", "StartDeadlineExceeded")
    assert "Not ready again within 10m" in message
    assert "NodeLost: The node node-7 does not answer." in message
    up = status(replace(of, status=late), seen(of, running_pod(of), SOON + timedelta(minutes=20)))
    assert entries(up)["Stalled"][0] == "False"
