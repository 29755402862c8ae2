"""When an agent is asked how far its scene is, and how often that is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.clients.agent import AgentStatus
from blendersessions_operator.controller.scene_tracker import SceneTracker
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.status import status
from unit.operator.factories import NOW, session, settings
from unit.operator.scenes import UPLOAD, URL, VOLUME, bringing, report

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

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


def test_an_agent_that_was_silent_is_left_alone_for_a_while() -> None:
    of, seen = bringing(URL, None)
    silent = replace(seen, silent_at=NOW - timedelta(seconds=1))
    assert plan(of, silent).empty
    assert requeue_after(of, silent) == timedelta(seconds=4)
    assert plan(of, replace(silent, now=NOW + timedelta(seconds=4))).stages == ASKS


def test_a_scene_on_screen_is_asked_for_its_name_once() -> None:
    of, seen = bringing(URL, report("SceneLoading", seconds_ago=60), ready=True)
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
