"""A scene that an agent brings in: what the conditions say, the way out, and what becomes of the desktop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.agent import AgentStatus
from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.status import SessionStatus
from blendersessions_operator.controller.scene_tracker import SceneTracker
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.named_claim import SCENE, claim_refusal
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.status import status
from blendersessions_operator.planning.status_events import events_of_change
from scene import failure
from scene.failure import SceneRefused
from scene.header import Header
from scene.versions import BlenderVersion, check_version
from unit.operator.factories import NOW, everything_observed, nothing_observed, session, settings
from unit.operator.scenes import PUBLIC, UPLOAD, URL, VOLUME, a_class, bringing, report, told_by

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

FAILURES = {
    "SceneUnreachable": (URL, "Correct spec.scene.url, and the desktop starts anew by itself"),
    "SceneTooLarge": (URL, "have an administrator raise transfer.maxBytes of the class default"),
    "NoRoomForScene": (URL, "Once there is room, suspend and resume the session."),
    "SceneChecksumMismatch": (URL, "Correct spec.scene.sha256 or spec.scene.url"),
    "SceneUnreadable": (VOLUME, "or mend what is there, and suspend and resume the session"),
    "SceneNotFound": (VOLUME, "Correct spec.scene.volume, and the desktop starts anew"),
    "SceneTooNew": (URL, "No class of the namespace says by its blenderVersion that it can open the file"),
    "UploadTimedOut": (UPLOAD, "Upload a .blend, or a .zip with one .blend at its top"),
}


@pytest.mark.parametrize("reason", FAILURES)
def test_a_failure_stalls_and_says_the_way_out_everywhere(reason: str) -> None:
    spec, way_out = FAILURES[reason]
    of, seen = bringing(spec, report(reason, "This is what the agent saw."))
    stated, found, message = told_by(of, seen)
    assert (stated, found) == ("False", reason)
    assert message.startswith("This is what the agent saw. ")
    assert way_out in message
    assert told_by(of, seen, ConditionType.STALLED) == ("True", reason, message)
    assert told_by(of, seen, ConditionType.READY) == ("False", reason, message)
    assert status(of, seen).phase == "Failed"
    events = events_of_change(SessionStatus(), status(of, seen), NOW)
    assert [(event.type, event.message) for event in events if event.reason == reason] == [("Warning", message)]


def test_a_fetch_shows_its_progress_and_is_no_failure() -> None:
    of, seen = bringing(URL, report("SceneFetching", "12 of 40 MB."))
    assert told_by(of, seen) == ("False", "SceneFetching", "12 of 40 MB.")
    assert told_by(of, seen, ConditionType.READY) == ("False", "SceneFetching", "12 of 40 MB.")
    assert told_by(of, seen, ConditionType.STALLED)[:2] == ("False", "Progressing")
    assert {event.type for event in events_of_change(SessionStatus(), status(of, seen), NOW)} == {"Normal"}


def test_a_session_that_waits_for_a_file_says_how_one_gets_in_and_an_event_says_it_once() -> None:
    of, seen = bringing(UPLOAD, report("AwaitingUpload", "The desktop is there."))
    stated, reason, message = told_by(of, seen)
    assert (stated, reason) == ("False", "AwaitingUpload")
    assert message == (
        "The desktop is there. Upload a .blend, or a .zip with one .blend at its top, in the portal or by "
        "blendersessions upload cart FILE -n art."
    )
    first = status(of, seen)
    events = [event for event in events_of_change(SessionStatus(), first, NOW) if event.reason == "AwaitingUpload"]
    assert [(event.type, event.message) for event in events] == [("Normal", message)]
    assert not events_of_change(first, status(replace(of, status=first), seen), NOW)
    assert not replace(of, status=first).is_starting, "so it is not urgent for an hour"


@pytest.mark.parametrize("reason", ["", "SceneLoading", "Suspended", "Progressing", "SceneNotAllowed", "a b", "\u202e"])
def test_a_word_that_an_agent_may_not_say_is_loading(reason: str) -> None:
    of, seen = bringing(URL, report(reason, "Anything."))
    assert told_by(of, seen) == ("False", "SceneLoading", "Blender is opening the file at spec.scene.url.")
    assert told_by(of, seen, ConditionType.STALLED)[0] == "False"


@pytest.mark.parametrize("spec", [{}, {"scene": {"sample": "cart.blend"}}])
def test_what_an_agent_says_of_a_sample_counts_for_nothing(spec: Manifest) -> None:
    of, seen = bringing(spec, report("SceneUnreachable", "Anything."))
    assert told_by(of, seen)[:2] == ("False", "SceneLoading")
    assert plan(of, seen).empty


def test_a_scene_that_is_on_screen_is_ready_whatever_was_said_before() -> None:
    of, seen = bringing(URL, report("SceneUnreachable", "No answer."), ready=True)
    assert told_by(of, seen)[:2] == ("True", "SceneVisible")
    assert told_by(of, seen, ConditionType.STALLED)[0] == "False"


def test_a_file_that_is_too_new_leads_to_the_classes_that_open_it() -> None:
    with pytest.raises(SceneRefused) as refused:
        check_version("Blender 9.1.blend", Header((5, 2), (5, 1, 0)), BlenderVersion("4.3.2", (4, 3, 32)))
    message, tracker = refused.value.message, SceneTracker()
    answer = AgentStatus(0.0, scene_reason=refused.value.reason, scene_message=message, scene_needs=refused.value.needs)
    tracker.record("session", "pod", answer, NOW)
    of, seen = bringing(URL, tracker.report_of("session", "pod"))
    classes = (
        a_class("old", blenderVersion="4.5"),
        a_class("newest", blenderVersion="5.2.1"),
        a_class("silent"),
        a_class("malformed", blenderVersion="5.x"),
        a_class("just-so", blenderVersion="5.1"),
    )
    told = told_by(of, replace(seen, classes=classes))[2]
    assert told == f"{message} Create the session in a class that can open it: just-so (5.1), newest (5.2.1)."
    many = tuple(a_class(f"class-{number:02}", blenderVersion="5.2") for number in range(11))
    assert told_by(of, replace(seen, classes=many))[2].endswith("class-07 (5.2) and 3 more.")
    unknown = replace(seen, scene=report("SceneTooNew", "It needs Blender 4.0."), classes=classes)
    assert "No class of the namespace says" in told_by(of, unknown)[2]


@pytest.mark.parametrize("reason", FAILURES)
def test_a_corrected_spec_starts_the_desktop_of_a_failed_scene_anew(reason: str) -> None:
    spec = FAILURES[reason][0]
    _, seen = bringing(spec, report(reason, "No."))
    corrected = session({"scene": {"url": "https://example.org/other.blend"}})
    wanted = settings(corrected, PUBLIC)
    seen = replace(seen, settings=wanted)
    [stage] = plan(corrected, seen).stages
    assert [step.ref.kind for step in stage if isinstance(step, steps.DeleteObject)] == ["Pod"]
    opened = replace(bringing(spec, report(reason, "No."), ready=True)[1], settings=wanted)
    assert plan(corrected, opened).empty, "what is on screen is kept"
    waiting = replace(seen, scene=report("SceneFetching", "1 of 2 MB."))
    assert plan(corrected, waiting).empty, "and so is what comes"


def test_the_way_out_of_a_wait_is_told_once() -> None:
    of, seen = bringing(UPLOAD, report("UploadTimedOut", "No scene was uploaded within 1 hour. One is still taken."))
    assert told_by(of, seen)[2].count("still taken") == 1


def test_the_same_spec_leaves_the_desktop_of_a_failed_scene_alone() -> None:
    assert plan(*bringing(URL, report("SceneUnreadable", "No."))).empty


@pytest.mark.parametrize(
    ("spec", "reason", "minutes"),
    [(URL, "SceneFetching", 10 + 10), (UPLOAD, "AwaitingUpload", 10 + 60), (VOLUME, "SceneFetching", 10)],
)
def test_the_start_deadline_leaves_a_fetch_and_an_upload_their_own_time(
    spec: Manifest, reason: str, minutes: int
) -> None:
    of, seen = bringing(spec, report(reason, "It goes on."))
    begun = replace(of, status=replace(of.status, started_at=NOW - timedelta(minutes=minutes, seconds=-1)))
    assert told_by(begun, seen, ConditionType.STALLED)[0] == "False"
    assert requeue_after(begun, replace(seen, asking=True)) == timedelta(seconds=1)
    late = replace(begun, status=replace(of.status, started_at=NOW - timedelta(minutes=minutes)))
    expected = "UploadTimedOut" if spec is UPLOAD else "StartDeadlineExceeded"
    assert told_by(late, seen, ConditionType.STALLED)[:2] == ("True", expected)
    assert told_by(late, seen, ConditionType.READY)[:2] == ("False", expected)


def test_a_desktop_that_does_not_run_has_the_class_deadline_alone() -> None:
    of = session(UPLOAD)
    begun = replace(of, status=replace(of.status, started_at=NOW - timedelta(minutes=10)))
    seen = replace(nothing_observed(), settings=settings(of))
    assert told_by(begun, seen, ConditionType.STALLED)[:2] == ("True", "StartDeadlineExceeded")


def test_a_url_is_refused_before_any_pod_by_a_class_that_lets_nothing_out() -> None:
    of = session(URL)
    seen = replace(nothing_observed(), settings=settings(of))
    assert plan(of, seen).empty
    message = told_by(of, seen, ConditionType.READY)[2]
    assert told_by(of, seen, ConditionType.STALLED) == ("True", "BeyondClass", message)
    assert "the class default lets desktops reach nothing (egress: None)" in message
    assert message.endswith("No class of the namespace allows it.")
    others = (
        a_class("open", egress="Public"),
        a_class("closed"),
        a_class("broken", egress="Public", startDeadline="x"),
    )
    named = told_by(of, replace(seen, classes=others), ConditionType.READY)[2]
    assert named.endswith("Classes of the namespace that allow it: open.")
    assert not plan(of, replace(seen, settings=settings(of, PUBLIC))).empty


def test_an_upload_is_refused_by_a_class_that_takes_none() -> None:
    of, closed = session(UPLOAD), {"transfer": {"upload": False}}
    seen = replace(
        nothing_observed(), settings=settings(of, closed), classes=(a_class("open"), a_class("shut", **closed))
    )
    _, reason, message = told_by(of, seen, ConditionType.STALLED)
    assert reason == "BeyondClass"
    assert "the class default takes none (transfer.upload: false)" in message
    assert message.endswith("Classes of the namespace that allow it: open.")


@pytest.mark.parametrize("found", [None, {"metadata": {"name": "scenes"}}])
def test_a_claim_that_refuses_its_scenes_says_so_in_each_condition(found: Manifest | None) -> None:
    of = session(VOLUME)
    refusal = claim_refusal(of, SCENE, found, lambda _: None)
    assert refusal is not None
    seen = replace(nothing_observed(), settings=settings(of), claim_refusal=refusal)
    told = ("False", refusal.reason, refusal.message)
    for kind in (ConditionType.READY, ConditionType.DESKTOP_READY, ConditionType.SCENE_READY):
        assert told_by(of, seen, kind) == told
    stalled = told_by(of, seen, ConditionType.STALLED)
    assert stalled == (("True", *told[1:]) if found else ("False", "Progressing", "Nothing stands in the way."))
    assert plan(of, seen).empty
    waiting = replace(of, status=status(of, seen))
    assert requeue_after(waiting, seen) == timedelta(seconds=2)
    assert waiting.status.started_at is None, "it has not begun to start"
    allowed = replace(seen, claim_refusal=None, now=NOW + timedelta(minutes=20))
    assert status(waiting, allowed).started_at == allowed.now
    assert told_by(waiting, allowed, ConditionType.STALLED)[0] == "False"


def test_the_version_and_the_name_stay_once_they_are_known() -> None:
    of, seen = bringing(URL, report("SceneFetching", "1 of 2 MB.", blender_version="4.3.2", scene="untitled.blend"))
    first = status(of, seen)
    assert (first.blender_version, first.scene_name) == ("4.3.2", ""), "what is open is not the scene yet"
    of, seen = bringing(URL, report(ready=True, blender_version="4.3.2", scene="cart.blend"), ready=True)
    opened = status(replace(of, status=first), seen)
    assert (opened.blender_version, opened.scene_name) == ("4.3.2", "cart.blend")
    known = replace(of, status=opened)
    forgotten = status(known, replace(seen, scene=None))
    assert forgotten == opened, "a restart of the operator changes nothing"
    suspended = status(replace(known, held=True), replace(seen, scene=None, pod=None))
    assert (suspended.blender_version, suspended.scene_name) == ("", "cart.blend"), "the next Blender may be another"


def test_the_version_of_a_sample_session_alone_is_not_written() -> None:
    of = session({"scene": {"sample": "cart.blend"}})
    seen = everything_observed(of)
    ready = replace(of, status=status(of, seen))
    assert ready.status.scene_name == "cart.blend"
    told = replace(seen, scene=report(ready=True, blender_version="4.3.2", scene="another.blend"))
    assert status(ready, told) is ready.status
    changed = status(ready, replace(told, users=2))
    assert (changed.blender_version, changed.scene_name) == ("4.3.2", "cart.blend")


def test_the_name_of_a_sample_is_told_as_it_is_written() -> None:
    of = session({"scene": {"sample": "Big_City.blend"}})
    message = told_by(of, replace(nothing_observed(), settings=settings(of)))[2]
    assert message == "The desktop opens Big_City.blend when it runs."


@pytest.mark.parametrize("reason", failure.Reason)
def test_every_reason_of_the_agent_is_one_that_the_operator_knows(reason: failure.Reason) -> None:
    of, seen = bringing(URL, report(reason.value, "It says why."))
    assert told_by(of, seen)[1] == reason.value


def test_every_reason_that_an_agent_may_give_has_a_test() -> None:
    from blendersessions_operator.planning import scene  # noqa: PLC0415 - only here

    assert {Reason(name) for name in FAILURES} == scene.FAILURES
