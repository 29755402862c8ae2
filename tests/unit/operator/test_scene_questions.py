"""When an agent is asked how far its scene is, and how often that is written."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.clients.agent import AgentStatus
from blendersessions.model.manifest import ref_of
from blendersessions_operator.controller.scene_tracker import SceneTracker
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.scene import FAILURES
from blendersessions_operator.planning.status import status
from unit.operator.factories import NOW, body, session, settings
from unit.operator.scenes import UPLOAD, URL, VOLUME, bringing, report
from unit.operator.simulation import KEY, Simulation

if TYPE_CHECKING:
    from blendersessions.model.conditions import Reason
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed

ASKS = ((steps.AskState(),),)


@pytest.mark.parametrize("spec", [URL, VOLUME, UPLOAD])
def test_an_agent_is_asked_at_once_and_every_two_seconds_until_the_scene_is_there(spec: Manifest) -> None:
    of, seen = bringing(spec, None)
    assert plan(of, seen).stages == ASKS
    assert plan(of, replace(seen, asking=True)).empty
    assert requeue_after(of, replace(seen, asking=True)) is None, "the answer enqueues the session"
    fetching = replace(seen, scene=report("SceneFetching", "1 of 2 MB.", seconds_ago=0.5))
    assert plan(of, fetching).empty
    assert requeue_after(of, fetching) == timedelta(seconds=1.5)
    assert plan(of, replace(fetching, now=NOW + timedelta(seconds=1.5))).stages == ASKS
    assert plan(of, replace(fetching, now=NOW - timedelta(hours=1))).stages == ASKS, "the clock was set back"


@pytest.mark.parametrize("reason", ["AwaitingUpload", "SceneUnreachable", "UploadTimedOut"])
def test_an_agent_that_waits_for_somebody_is_asked_less_often(reason: str) -> None:
    of, seen = bringing(UPLOAD, report(reason, seconds_ago=1))
    assert requeue_after(of, seen) == timedelta(seconds=9)
    assert plan(of, replace(seen, now=NOW + timedelta(seconds=9))).stages == ASKS


def questions(of: Session, seen: Observed, hours: float) -> list[float]:
    """Return the seconds at which an agent is asked that always says the same."""
    asked: list[float] = []
    assert seen.scene is not None
    said, now = seen.scene, NOW
    while now < NOW + timedelta(hours=hours):
        seen = replace(seen, now=now)
        if plan(of, seen).stages == ASKS:
            asked.append((now - NOW).total_seconds())
            seen = replace(seen, scene=replace(said, asked_at=now))
        delay = requeue_after(of, seen)
        assert delay is not None
        now += delay
    return asked


@pytest.mark.parametrize("reason", sorted(FAILURES))
def test_a_scene_that_has_failed_is_asked_for_more_and_more_seldom(reason: Reason) -> None:
    of, seen = bringing(UPLOAD, report(reason, seconds_ago=0))
    assert questions(of, seen, 1) == [10, 20, 40, 80, 160, 320, 640, 1240, 1840, 2440, 3040]


def test_an_upload_is_awaited_with_a_question_a_minute() -> None:
    of, seen = bringing(UPLOAD, report("AwaitingUpload", seconds_ago=0))
    assert questions(of, seen, 0.1) == [10, 20, 40, 80, 140, 200, 260, 320]


def test_what_somebody_does_after_a_failure_is_seen_at_once() -> None:
    of, seen = bringing(UPLOAD, report("SceneUnreadable", seconds_ago=0))
    assert seen.scene is not None
    assert seen.pod is not None
    later = replace(seen, now=NOW + timedelta(hours=9), scene=replace(seen.scene, asked_at=NOW + timedelta(hours=9)))
    assert requeue_after(of, later) == timedelta(minutes=10)
    uploaded = bringing(UPLOAD, later.scene, ready=True)[1].pod
    assert requeue_after(of, replace(later, pod=uploaded)) == timedelta(seconds=2), "the pod is ready"
    said = "The scene is larger than before."
    assert later.scene is not None
    changed = replace(later, scene=replace(later.scene, message=said, told_at=later.now))
    assert requeue_after(of, changed) == timedelta(seconds=10), "the agent said something else"
    began = {"running": {"startedAt": (later.now + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    containers = [{"name": "blender", "state": began}]
    again = {**seen.pod, "status": {**seen.pod["status"], "containerStatuses": containers}}
    restarted = replace(later, pod=again, now=later.now + timedelta(seconds=40))
    assert plan(of, restarted).stages == ASKS, "the container has started again"


def test_an_agent_that_was_silent_is_left_alone_for_a_while() -> None:
    of, seen = bringing(URL, None)
    silent = replace(seen, silent_at=NOW - timedelta(seconds=1))
    assert plan(of, silent).empty
    assert requeue_after(of, silent) == timedelta(seconds=4)
    assert plan(of, replace(silent, now=NOW + timedelta(seconds=4))).stages == ASKS


def test_a_scene_on_screen_is_asked_for_its_name_once() -> None:
    of, seen = bringing(URL, report("UploadTimedOut", seconds_ago=1), ready=True)
    assert requeue_after(of, seen) == timedelta(seconds=1), "soon, whatever it waited for before"
    seen = replace(seen, now=NOW + timedelta(seconds=1))
    assert plan(of, seen).stages == ASKS
    told = replace(seen, scene=report(ready=True, scene="a.blend", blender_version="4.3.2", seconds_ago=3600))
    assert plan(of, told).empty
    known = replace(of, status=status(of, told))
    assert requeue_after(known, told) is None
    restarted = replace(told, scene=None)
    assert plan(known, restarted).empty, "nor after a restart of the operator"
    assert requeue_after(known, restarted) is None
    nameless = replace(seen, scene=report(ready=True, seconds_ago=3600))
    assert plan(of, nameless).empty, "an agent that has no name for it is not asked for ever"


def test_a_scene_that_is_gone_from_the_screen_is_asked_for_again() -> None:
    of, seen = bringing(URL, report(ready=True, scene="a.blend", seconds_ago=3600))
    assert plan(of, seen).stages == ASKS


@pytest.mark.parametrize("spec", [{}, {"scene": {"sample": "cart.blend"}}])
@pytest.mark.parametrize("ready", [False, True])
def test_a_sample_is_never_asked_for(spec: Manifest, ready: bool) -> None:
    of, seen = bringing(spec, None, ready=ready)
    assert plan(of, seen).empty
    assert requeue_after(of, seen) is None


def test_nobody_is_asked_without_a_running_pod_or_while_the_session_ends() -> None:
    of, seen = bringing(URL, None)
    assert seen.pod is not None
    assert not any(
        isinstance(step, steps.AskState) for stage in plan(of, replace(seen, pod=None)).stages for step in stage
    )
    starting = replace(seen, pod=seen.pod | {"status": {"phase": "Pending"}})
    assert plan(of, starting).empty
    assert requeue_after(of, starting) is None
    for spec, deleting in ((URL | {"suspend": True}, False), (URL, True)):
        ending = session(spec, deleting=deleting)
        made = replace(seen, settings=settings(ending, {"egress": "Public"}))
        assert not any(isinstance(step, steps.AskState) for stage in plan(ending, made).stages for step in stage)


def answer(reason: str = "", message: str = "", **fields: Any) -> AgentStatus:  # noqa: ANN401 - any field
    return AgentStatus(0.0, scene_reason=reason, scene_message=message, **fields)


def messages(answers: list[tuple[float, AgentStatus]]) -> list[str]:
    """Record answers, each at its second, and return the message that is known after each."""
    tracker, found = SceneTracker(), []
    for second, each in answers:
        tracker.record("session", "pod", each, NOW + timedelta(seconds=second))
        known = tracker.report_of("session", "pod")
        assert known is not None
        assert known.asked_at == NOW + timedelta(seconds=second)
        found.append(known.message)
    return found


def test_progress_changes_the_message_every_five_seconds_at_most() -> None:
    answers = [(second, answer("SceneFetching", f"{second} of 40 MB.")) for second in range(0, 12, 2)]
    assert messages(list(answers)) == ["0 of 40 MB."] * 3 + ["6 of 40 MB."] * 3


def test_another_reason_is_told_at_once_and_so_is_another_message_of_a_failure() -> None:
    found = [
        (0, answer("SceneFetching", "0 of 40 MB.")),
        (1, answer("SceneUnreadable", "No.")),
        (2, answer("SceneUnreadable", "It is no .blend.")),
    ]
    assert messages([(float(second), each) for second, each in found]) == ["0 of 40 MB.", "No.", "It is no .blend."]


def test_a_clock_that_was_set_back_holds_up_no_message() -> None:
    first = (0.0, answer("SceneFetching", "0 of 40 MB."))
    assert messages([first, (-60.0, answer("SceneFetching", "1 of 40 MB."))]) == ["0 of 40 MB.", "1 of 40 MB."]


async def test_the_progress_of_a_scene_is_written_and_logged_seldom(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sim = Simulation()
    made = body(UPLOAD, finalizer=False)
    sim.server.objects[KEY] = made
    written: set[str] = set()
    for second in range(60):
        told = answer("SceneFetching", f"{second} of 60 MB.", blender_version="4.3.2")
        sim.agents.scene = told
        for found in sim.pods():
            if "status" not in found:
                running = {"name": "blender", "state": {"running": {}}}
                found["status"] = {"podIP": "127.0.0.1", "containerStatuses": [running]}
                sim.server.touched(ref_of(found))
        sim.sync_caches()
        await sim.reconcile()
        if second >= 20:
            written.add(sim.server.objects[KEY]["metadata"]["resourceVersion"])
    ready = next(each for each in made["status"]["conditions"] if each["type"] == "Ready")
    assert ready["reason"] == "SceneFetching"
    assert 5 <= len(written) <= 9, "one write in five to six seconds"
    assert 10 <= sim.agents.calls <= 31, "a question in two seconds at most"
    assert caplog.messages.count("Ready=False: SceneFetching") == 1


def test_what_an_agent_said_holds_for_its_own_pod_alone() -> None:
    tracker = SceneTracker()
    tracker.record("session", "pod", answer("SceneUnreadable", "No.", blender_version="4.3.2", scene="a.blend"), NOW)
    found = tracker.report_of("session", "pod")
    assert found is not None
    assert (found.reason, found.blender_version, found.scene, found.ready) == (
        "SceneUnreadable",
        "4.3.2",
        "a.blend",
        False,
    )
    assert tracker.report_of("session", "another pod") is None
    assert tracker.report_of("another session", "pod") is None
    tracker.forget("session")
    assert tracker.report_of("session", "pod") is None
