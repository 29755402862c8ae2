"""A session's page shows how far it has come, why it waits, and what to do after a failure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.conditions import Condition
from blendersessions_portal.lifetime_words import age
from blendersessions_portal.progress import State, describe
from blendersessions_portal.scene_choice import SceneChoice
from blendersessions_portal.session_view import SessionView, read_session

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
STALLED = Condition("Stalled", "True", "NameTaken", "It is taken.")


def session(
    *conditions: Condition,
    seconds: float = 1,
    changed: datetime | None = None,
    ending: bool = False,
    replicas: int = 1,
    **status: object,
) -> SessionView:
    """Return a session of this age, whose conditions last became true or false at `changed`."""
    metadata = {
        "name": "shopping-cart-x7k2p",
        "namespace": "b",
        "uid": "u",
        "creationTimestamp": (NOW - timedelta(seconds=seconds)).isoformat(),
    }
    if ending:
        metadata["deletionTimestamp"] = NOW.isoformat()
    entries = [replace(condition, last_transition_time=changed).to_manifest() for condition in conditions]
    spec = {"owner": "guest-a", "scene": {"sample": "shopping_cart.blend"}, "replicas": replicas}
    return read_session({"metadata": metadata, "spec": spec, "status": {"conditions": entries, **status}})


def false(kind: str, reason: str, message: str = "") -> Condition:
    return Condition(kind, "False", reason, message)


def true(kind: str) -> Condition:
    return Condition(kind, "True", "Done", "It is there.")


def test_all_steps_wait_until_the_operator_reports_a_status() -> None:
    progress = describe(session(), NOW)
    assert progress.state is State.WORKING
    assert [step.title for step in progress.steps] == ["Desktop", "Scene", "Connection"]
    assert {step.state for step in progress.steps} == {State.WAITING}


def test_each_step_shows_the_message_of_its_condition() -> None:
    progress = describe(
        session(
            true("DesktopReady"),
            false("SceneReady", "SceneLoading", "Blender loads the scene."),
            false("ConnectionReady", "GuacamoleUnavailable", "Guacamole does not answer."),
        ),
        NOW,
    )
    assert [(step.state, step.message) for step in progress.steps] == [
        (State.READY, "Done."),
        (State.WORKING, "Blender loads the scene."),
        (State.WORKING, "The cluster reports GuacamoleUnavailable."),
    ]


@pytest.mark.parametrize(
    "reason",
    ["Unschedulable", "ErrImagePull", "DesktopRefused", "KubernetesUnavailable", "GuacamoleRefused", "SomethingNew"],
)
def test_the_words_of_the_cluster_are_not_shown(reason: str) -> None:
    """They name nodes, images, addresses and limits, and anybody may open the portal."""
    failed = Condition("Stalled", "True", reason, "10.0.0.1 planted")
    conditions = (
        false("Ready", reason, "10.0.0.1 planted"),
        false("DesktopReady", reason, "10.0.0.1 planted"),
        Condition("ConnectionReady", "True", "Registered", "It runs. A repair failed: 10.0.0.1 planted"),
    )
    for progress in (describe(session(*conditions), NOW), describe(session(*conditions, failed), NOW)):
        assert "planted" not in str(progress)
        assert reason in str(progress)


@pytest.mark.parametrize(
    ("conditions", "seconds", "words"),
    [
        ((), 5, "opens Blender automatically"),
        ((), 20, "Nothing has happened yet"),
        ((false("DesktopReady", "PodStarting"),), 20, "opens Blender automatically"),
        ((false("DesktopReady", "PodStarting"),), 60, "longer than usual"),
    ],
)
def test_a_long_wait_is_explained(conditions: tuple[Condition, ...], seconds: float, words: str) -> None:
    assert words in describe(session(*conditions, seconds=seconds), NOW).detail


@pytest.mark.parametrize(
    ("reason", "broken", "headline"),
    [
        ("SceneNotFound", "Scene", "This scene does not exist"),
        ("NameTaken", "Scene", "This session's name is already in use"),
        ("OwnerTaken", "Scene", "Your user name is in use elsewhere"),
        ("SomethingNew", "Scene", "This session could not start"),
    ],
)
def test_a_failure_names_the_step_and_the_way_out(reason: str, broken: str, headline: str) -> None:
    progress = describe(
        session(
            false("DesktopReady", "Error", "The container ended."),
            false("SceneReady", reason, "The reason in a sentence."),
            true("ConnectionReady"),
            Condition("Stalled", "True", reason, "The reason in a sentence."),
        ),
        NOW,
    )
    assert (progress.state, progress.headline) == (State.FAILED, headline)
    assert "emove" in progress.detail
    assert [step.title for step in progress.steps if step.state is State.FAILED] == [broken]
    assert State.WORKING not in {step.state for step in progress.steps}


@pytest.mark.parametrize(
    ("kind", "reason", "headline"),
    [
        ("DesktopReady", "Unschedulable", "The cluster is full"),
        ("DesktopReady", "ImagePullBackOff", "Blender cannot be downloaded"),
        ("DesktopReady", "CrashLoopBackOff", "Blender has not started yet"),
        ("DesktopReady", "DesktopRefused", "The cluster refuses another desktop"),
        ("ConnectionReady", "GuacamoleUnavailable", "The connection to Blender is not ready yet"),
        ("ConnectionReady", "GuacdUnavailable", "The connection to Blender is not ready yet"),
    ],
)
def test_a_long_delay_is_explained_in_plain_words(kind: str, reason: str, headline: str) -> None:
    conditions = (false(kind, reason, "Details."), Condition("Stalled", "False", "Progressing", ""))
    at_first, later = (describe(session(*conditions, seconds=seconds), NOW) for seconds in (2, 12))
    assert at_first.headline == "Blender is starting"
    assert (later.state, later.headline) == (State.WORKING, headline)
    assert "administrator" in later.detail


def test_a_resumed_session_waits_from_when_something_changed_last() -> None:
    conditions = (false("DesktopReady", "Unschedulable"), false("Suspended", "Running"))
    day = 86400.0
    resumed = session(*conditions, seconds=day, changed=NOW - timedelta(seconds=5))
    assert describe(resumed, NOW).headline == "Blender is starting"
    stuck = session(*conditions, seconds=day, changed=NOW - timedelta(seconds=12))
    assert describe(stuck, NOW).headline == "The cluster is full"
    unseen = session(Condition("Suspended", "True", "Requested", ""), seconds=day, changed=NOW - timedelta(hours=2))
    assert describe(unseen, NOW).detail == "This page opens Blender automatically when it is ready."


def test_a_missing_class_is_shown_at_once() -> None:
    progress = describe(session(false("Ready", "ClassNotFound", "There is no class gpu.")), NOW)
    assert (progress.state, progress.headline) == (State.WORKING, "This kind of session does not exist yet")
    assert "administrator" in progress.detail


def test_a_queued_session_shows_its_place() -> None:
    conditions = (false("Ready", "Queued", "Three run."), false("DesktopReady", "Queued", "Three run."))
    progress = describe(session(*conditions, queuePosition=2), NOW)
    assert progress.state is State.QUEUED
    assert "starts automatically" in progress.detail
    assert "You are number 2." in progress.detail
    far = describe(session(*conditions, queuePosition=200), NOW)
    assert "You are among the first 200." in far.detail, "it is rounded"
    assert "number" not in describe(session(*conditions), NOW).detail, "the place is not known yet"


def test_a_delayed_deletion_shows_the_reason() -> None:
    ready = false("Ready", "Terminating", "The session stays: Guacamole at http://10.0.0.1/ does not answer.")
    stuck = session(ready, false("ConnectionReady", "GuacamoleUnavailable", "No answer."), ending=True)
    usual = session(ready, false("ConnectionReady", "Terminating", "The session is being deleted."), ending=True)
    assert "It waits because of GuacamoleUnavailable." in describe(stuck, NOW).detail
    assert "10.0.0.1" not in str(describe(stuck, NOW))
    assert "the session is deleted" in describe(usual, NOW).detail


def test_a_failure_without_any_other_condition_still_has_a_step_that_failed() -> None:
    progress = describe(session(STALLED), NOW)
    assert progress.state is State.FAILED
    assert progress.steps[0].state is State.FAILED


@pytest.mark.parametrize(
    ("conditions", "status", "ending", "state"),
    [
        ((), {"clientURL": "http://x/"}, False, State.READY),
        ((), {}, False, State.WORKING),
        ((), {"clientURL": "http://x/"}, True, State.ENDING),
        ((STALLED,), {"clientURL": "http://x/"}, False, State.FAILED),
    ],
)
def test_ready_needs_the_condition_and_the_address(
    conditions: tuple[Condition, ...], status: dict[str, object], state: State, *, ending: bool
) -> None:
    assert describe(session(true("Ready"), *conditions, ending=ending, **status), NOW).state is state


@pytest.mark.parametrize(
    ("phase", "state"), [("Failed", State.WORKING), ("Suspended", State.WORKING), ("Suspending", State.WORKING)]
)
def test_the_phase_decides_nothing(phase: str, state: State) -> None:
    assert describe(session(false("Ready", "SceneLoading"), phase=phase), NOW).state is state


@pytest.mark.parametrize("reason", ["Suspending", "SaveFailed", "WaitingForWork"])
def test_a_session_that_is_resumed_while_it_stops_is_still_being_suspended(reason: str) -> None:
    assert describe(session(false("Ready", reason)), NOW).state is State.SUSPENDING


def test_what_a_suspension_waits_for_is_shown() -> None:
    waits = false("Ready", "WaitingForWork", "A render runs. The pod is stopped when that is done.")
    assert describe(session(waits), NOW).detail == waits.message


@pytest.mark.parametrize(("result", "told"), [("Saved", False), ("Failed", True)])
def test_a_suspended_session_whose_last_save_failed_says_so(result: str, *, told: bool) -> None:
    save = {"result": result, "message": "The disk was full."}
    stopped = session(true("Suspended"), replicas=0, suspension={"reason": "Idle", "lastSave": save})
    assert ("may be missing: The disk was full." in describe(stopped, NOW).detail) is told


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (86400, "1 day ago")],
)
def test_age(seconds: int, words: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("sample", "stem"),
    [
        ("shopping_cart.blend", "shopping-cart-"),
        ("", "empty-scene-"),
        ("My.Scene.v2.blend", "my-scene-v2-"),
        ("---.blend", "session-"),
        ("a" * 120 + ".blend", "a" * 40 + "-"),
    ],
)
def test_names_are_readable_and_valid(sample: str, stem: str) -> None:
    assert SceneChoice(sample=sample).name_stem == stem


async def test_the_page_of_a_starting_session_refreshes_itself(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_starting(name)
    page = (await browser.see(f"/sessions/{name}")).text
    assert "Blender loads shopping_cart.blend." in page
    assert f'data-refresh="/sessions/{name}/progress"' in page
    assert '<noscript><meta http-equiv="refresh"' in page, "also without scripts"
    assert 'aria-live="polite"' in page
    part = (await browser.get(f"/sessions/{name}/progress")).text
    assert "<html" not in part
    assert without_token(part).strip() in without_token(page)


def without_token(page: str) -> str:
    """Return a page without the token of its forms, which holds the second in which it was made."""
    return re.sub(r'(name="csrf" value=")[^"]+', r"\1", page)


async def test_the_page_of_a_failed_session_has_the_reason_and_the_way_out(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_failed(name)
    page = await browser.see(f"/sessions/{name}")
    assert page.status_code == 200
    assert "This scene does not exist" in page.text
    assert "teapot.blend” is not in the image" in page.text
    assert "data-refresh" not in page.text
    assert f'action="/sessions/{name}/stop"' in page.text


async def test_the_list_refreshes_quickly_only_while_something_changes(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    assert 'data-pace="quick"' in (await browser.get("/sessions")).text
    portal.store.make_ready(name)
    assert 'data-pace="slow"' in (await browser.get("/sessions")).text


async def test_the_list_shows_scene_state_and_age(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_ready(name)
    portal.store.age(name, timedelta(minutes=5))
    part = (await browser.get("/sessions")).text
    for words in ("Shopping cart", name, "Ready", "5 minutes ago", f"/sessions/{name}/open"):
        assert words in part
