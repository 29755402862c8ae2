"""A session with a workspace can be suspended and resumed. Its page shows when it ends and what is lost then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.status import KeepAliveReason
from blendersessions_portal.lifetime_words import expiry, kept_alive_by
from blendersessions_portal.session_view import read_session
from unit.portal.fakes import NOW

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from unit.portal.portals import Browser, Portal


async def ready(portal: Portal, browser: Browser, **workspace: object) -> str:
    name = await browser.start()
    if workspace:
        portal.store.give_workspace(name, **workspace)
    portal.store.make_ready(name)
    return name


def reported(minutes: float, reason: str, kept: str, **spec: object) -> Manifest:
    activity = {
        "users": 1,
        "keptAliveBy": kept,
        "expiresAt": (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z"),
        "expiryReason": reason,
    }
    condition = {"type": "Ready", "status": "True", "reason": "SessionReady", "message": ""}
    metadata = {"name": "a", "namespace": "b", "uid": "u", "creationTimestamp": "2026-11-24T11:00:00Z"}
    status = {"phase": "Ready", "clientURL": "http://x/", "activity": activity, "conditions": [condition]}
    return {"metadata": metadata, "spec": {"owner": "guest-a", **spec}, "status": status}


async def test_a_ready_session_has_a_page_of_its_own_besides_blender(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser, size="5Gi")
    assert f'href="/sessions/{name}?stay=yes"' in (await browser.see("/")).text
    page = await browser.see(f"/sessions/{name}?stay=yes")
    assert page.status_code == 200
    assert "data-next" not in page.text, "the page stays open"
    for words in (f'href="/sessions/{name}/open"', f'action="/sessions/{name}/suspend"', f"/sessions/{name}/stop"):
        assert words in page.text
    assert (await browser.get(f"/sessions/{name}/progress?stay=yes")).text.strip() in page.text


async def test_suspend_and_resume_by_clicks(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser, size="5Gi")
    await browser.see(f"/sessions/{name}?stay=yes")
    answer = await browser.submit(f"/sessions/{name}/suspend")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sessions/{name}?stay=yes")
    assert portal.store.objects[name]["spec"]["replicas"] == 0
    assert 'data-state="suspending"' in (await browser.see(f"/sessions/{name}?stay=yes")).text
    opened = await browser.get(f"/sessions/{name}/open")
    assert opened.headers["location"] == f"/sessions/{name}", "a session that is being suspended is not opened"
    portal.store.make_suspended(name, "Requested")
    page = (await browser.see(f"/sessions/{name}")).text
    assert 'data-state="suspended"' in page
    assert f'action="/sessions/{name}/suspend"' not in page
    answer = await browser.submit(f"/sessions/{name}/resume")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sessions/{name}")
    assert portal.store.objects[name]["spec"]["replicas"] == 1
    assert 'data-state="working"' in (await browser.see(f"/sessions/{name}")).text, (
        "though the operator has not seen it"
    )


@pytest.mark.parametrize(("reason", "headline"), [("Idle", "nobody worked in it"), ("MaxAge", "its time was over")])
async def test_an_expired_session_shows_the_reason_and_can_be_resumed(
    portal: Portal, browser: Browser, reason: str, headline: str
) -> None:
    name = await ready(portal, browser, size="5Gi")
    portal.store.make_suspended(name, reason)
    page = (await browser.see(f"/sessions/{name}")).text
    assert f"Suspended because {headline}" in page
    assert "Resume" in (await browser.see("/")).text
    await browser.submit(f"/sessions/{name}/resume")
    assert 'data-state="working"' in (await browser.see(f"/sessions/{name}")).text
    portal.store.make_suspended(name, reason)
    assert 'data-state="suspended"' in (await browser.see(f"/sessions/{name}")).text, "it expired again"


async def test_a_session_that_its_spec_suspends_is_not_resumed_here(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser, size="5Gi")
    portal.store.make_suspended(name, "Requested")
    portal.store.objects[name]["spec"]["suspend"] = True
    for page in (f"/sessions/{name}", "/"):
        text = (await browser.see(page)).text
        assert f'action="/sessions/{name}/resume"' not in text, page
    assert (
        "Your files are kept until you stop it. Only your administrator can start it again."
        in (await browser.see(f"/sessions/{name}")).text
    )
    answer = await browser.submit(f"/sessions/{name}/resume")
    assert answer.status_code == 400
    assert "ask your administrator to set spec.suspend to false" in answer.text
    assert portal.store.objects[name]["spec"]["replicas"] == 0


async def test_a_session_without_a_workspace_cannot_be_suspended_and_warns_of_the_loss(
    portal: Portal, browser: Browser
) -> None:
    name = await ready(portal, browser)
    page = (await browser.see(f"/sessions/{name}?stay=yes")).text
    assert "your work is lost when it stops" in page
    assert f'action="/sessions/{name}/suspend"' not in page
    answer = await browser.submit(f"/sessions/{name}/suspend")
    assert answer.status_code == 400
    assert "has no workspace" in answer.text
    assert "replicas" not in portal.store.objects[name]["spec"]
    portal.store.make_suspended(name, "Idle")
    page = (await browser.see(f"/sessions/{name}")).text
    assert "opens the original scene" in page
    assert f'action="/sessions/{name}/resume"' in page, "an expiry can suspend it too"


@pytest.mark.parametrize(
    ("workspace", "warning", "button"),
    [
        ({}, "your work in this session is lost", "Stop and discard"),
        ({"size": "5Gi"}, "suspend the session instead", "Stop and discard"),
        (
            {"size": "5Gi", "reclaimPolicy": "Delete"},
            "the workspace is deleted with all your files",
            "Stop and discard",
        ),
        ({"size": "5Gi", "reclaimPolicy": "Retain"}, "The files in the workspace stay", "Stop</button>"),
        ({"claimName": "mine"}, "The files in the workspace stay", "Stop</button>"),
    ],
)
async def test_stop_explains_what_happens_to_the_files(
    portal: Portal, browser: Browser, workspace: dict[str, object], warning: str, button: str
) -> None:
    await ready(portal, browser, **workspace)
    page = (await browser.see("/")).text
    assert warning in page
    assert f'type="submit">{button}' in page


@pytest.mark.parametrize(
    ("workspace", "warning", "button"),
    [
        ({}, "nothing of it was kept", "Stop and discard"),
        ({"size": "5Gi"}, "leave the session suspended", "Stop and discard"),
        ({"claimName": "mine"}, "The files in the workspace stay", "Stop</button>"),
    ],
)
async def test_stopping_a_suspended_session_does_not_promise_another_save(
    portal: Portal, browser: Browser, workspace: dict[str, object], warning: str, button: str
) -> None:
    name = await ready(portal, browser, **workspace)
    portal.store.make_suspended(name, "Idle")
    for address in ("/", f"/sessions/{name}"):
        page = (await browser.see(address)).text
        assert warning in page
        assert f'type="submit">{button}' in page
        assert "suspend the session instead" not in page
        assert "Blender saves and closes" not in page


@pytest.mark.parametrize(
    ("workspace", "words"),
    [
        ({"size": "5Gi"}, "Your files are kept in the workspace until you stop the session."),
        ({"size": "5Gi", "reclaimPolicy": "Retain"}, "Your files are kept in the workspace."),
        ({"claimName": "mine"}, "Your files are kept in the workspace."),
    ],
)
async def test_suspend_asks_and_says_what_is_kept(
    portal: Portal, browser: Browser, workspace: dict[str, object], words: str
) -> None:
    name = await ready(portal, browser, **workspace)
    page = (await browser.see(f"/sessions/{name}?stay=yes")).text
    assert f'popovertarget="confirm-suspend-{name}"' in page
    question = page.partition(f'id="confirm-suspend-{name}" popover')[2].partition("</div>")[0]
    assert words in question
    assert f'action="/sessions/{name}/suspend"' in question
    assert page.count(f'action="/sessions/{name}/suspend"') == 1, "there is no way around the question"


@pytest.mark.parametrize(
    ("workspace", "words"),
    [
        ({}, "This session has no workspace: your work is lost when it stops."),
        ({"size": "5Gi"}, "Suspend keeps your work. Stop deletes it with the workspace."),
        (
            {"size": "5Gi", "reclaimPolicy": "Retain"},
            "Your work is kept in the workspace, also when you stop the session.",
        ),
        ({"claimName": "mine"}, "Your work is kept in the workspace, also when you stop the session."),
    ],
)
async def test_a_session_that_runs_says_whether_its_work_is_kept(
    portal: Portal, browser: Browser, workspace: dict[str, object], words: str
) -> None:
    name = await ready(portal, browser, **workspace)
    line = (
        (await browser.see(f"/sessions/{name}?stay=yes")).text.partition('data-life="files"')[2].partition("</li>")[0]
    )
    assert words in line
    assert 'href="/artists"' in line
    portal.store.make_starting(name)
    assert words in (await browser.see(f"/sessions/{name}")).text
    portal.store.make_suspended(name, "Idle")
    assert 'data-life="files"' not in (await browser.see(f"/sessions/{name}")).text, "nothing more can be lost"


async def test_a_suspension_without_a_workspace_does_not_claim_to_save(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    portal.store.objects[name]["spec"]["suspend"] = True
    page = (await browser.see(f"/sessions/{name}")).text
    assert 'data-state="suspending"' in page
    assert "Blender stops. Without a workspace, nothing in it is kept." in page
    assert "Blender saves" not in page


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("SaveFailed", "Nothing is saved yet: the disk is full. Make room in the home folder."),
        ("WaitingForWork", "A render has run for 12 minutes. The pod is stopped at 14:00 UTC at the latest."),
    ],
)
async def test_what_holds_up_a_suspension_is_shown_and_the_suspension_can_be_taken_back(
    portal: Portal, browser: Browser, reason: str, message: str
) -> None:
    name = await ready(portal, browser, size="5Gi")
    portal.store.objects[name]["spec"]["replicas"] = 0
    suspended = ("Suspended", "False", reason, message)
    portal.store.set_status(name, "Suspending", ("Ready", "False", reason, message), suspended)
    page = (await browser.see(f"/sessions/{name}")).text
    assert "The desktop still runs" in page
    assert message in page
    assert f'action="/sessions/{name}/resume"' in page
    await browser.submit(f"/sessions/{name}/resume")
    assert portal.store.objects[name]["spec"]["replicas"] == 1


@pytest.mark.parametrize("workspace", [{"size": "5Gi"}, {"claimName": "mine"}, {}])
async def test_a_failed_session_that_may_hold_work_is_not_removed_without_asking(
    portal: Portal, browser: Browser, workspace: dict[str, object]
) -> None:
    name = await ready(portal, browser, **workspace)
    portal.store.make_failed(name)
    if not workspace:
        portal.store.objects[name]["status"]["readyAt"] = "2026-11-24T11:30:00Z"
    page = (await browser.see(f"/sessions/{name}")).text
    assert f'popovertarget="confirm-stop-{name}"' in page
    assert "Remove and choose another" not in page
    loss = {"size": "The workspace is deleted with all your files", "claimName": "The files in the workspace stay"}
    assert next((words for key, words in loss.items() if key in workspace), "what was made in it is lost") in page


async def test_a_session_that_never_started_is_removed_at_once(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_failed(name)
    page = (await browser.see(f"/sessions/{name}")).text
    assert "Remove and choose another" in page
    assert "popovertarget" not in page


async def test_a_deletion_that_waits_for_a_save_says_so(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser, claimName="mine")
    message = "The session is being deleted. Nothing is saved yet, and saving is tried again: the disk is full."
    portal.store.set_status(
        name,
        "Terminating",
        ("Ready", "False", "Terminating", message),
        ("DesktopReady", "False", "SaveFailed", "Nothing is saved yet."),
        ("ConnectionReady", "False", "Terminating", "The session is being deleted."),
    )
    await browser.submit(f"/sessions/{name}/stop")
    assert message in (await browser.see(f"/sessions/{name}")).text


@pytest.mark.parametrize("verb", ["suspend", "resume"])
async def test_only_its_own_browser_suspends_and_resumes_a_session(portal: Portal, browser: Browser, verb: str) -> None:
    name = await ready(portal, browser, size="5Gi")
    before = repr(portal.store.objects[name])
    assert (await browser.post(f"/sessions/{name}/{verb}")).status_code == 403, "without the form's token"
    assert (await browser.get(f"/sessions/{name}/{verb}")).status_code == 405
    other = portal.browser()
    await other.see("/")
    assert (await other.submit(f"/sessions/{name}/{verb}")).status_code == 404
    assert repr(portal.store.objects[name]) == before


@pytest.mark.parametrize(
    ("minutes", "reason", "words"),
    [
        (25, "Idle", "It ends in 25 minutes (at 12:25 UTC) unless somebody works in it."),
        (130, "MaxAge", "Its time is over in 2 hours (at 14:10 UTC), even if somebody works in it."),
        (0.5, "Idle", "It ends within a minute (at 12:00 UTC) unless"),
        (60, "SomethingNew", "It ends in 1 hour (at 13:00 UTC)."),
    ],
)
def test_the_end_of_a_session_is_shown_with_its_reason(minutes: float, reason: str, words: str) -> None:
    assert words in expiry(read_session(reported(minutes, reason, "Nothing")), NOW)


@pytest.mark.parametrize("kept", list(KeepAliveReason))
def test_each_keep_alive_reason_is_shown(kept: str) -> None:
    assert kept_alive_by(read_session(reported(25, "Idle", kept)))


def test_a_session_that_does_not_end_by_itself_shows_no_end() -> None:
    body = reported(25, "Idle", "Nothing")
    del body["status"]["activity"]
    assert expiry(read_session(body), NOW) == kept_alive_by(read_session(body)) == ""
    assert expiry(read_session(reported(25, "Idle", "Nothing", suspend=True)), NOW) == ""


async def test_the_pages_show_the_end(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    at = (NOW + timedelta(minutes=25)).isoformat()
    activity = {"keptAliveBy": "Render", "expiresAt": at, "expiryReason": "MaxAge"}
    portal.store.objects[name]["status"]["activity"] = activity
    for address in ("/", f"/sessions/{name}?stay=yes"):
        assert "Its time is over in 25 minutes" in (await browser.see(address)).text
    assert "A render keeps this session running" in (await browser.see(f"/sessions/{name}?stay=yes")).text


async def test_a_visitor_at_the_limit_sees_what_to_stop(portal: Portal, browser: Browser) -> None:
    names = [await browser.start() for _ in range(portal.max_sessions)]
    await browser.see("/")
    answer = await browser.submit("/sessions", sample="fire_extinguisher.blend")
    assert answer.status_code == 409
    assert "You have 3 sessions already" in answer.text
    assert "Open in Blender: Fire extinguisher" in answer.text, "the button that starts the scene later"
    for name in names:
        assert f'action="/sessions/{name}/stop"' in answer.text
    assert len(portal.store.objects) == portal.max_sessions
    await browser.submit(f"/sessions/{names[0]}/stop")
    assert (await browser.submit("/sessions", sample="fire_extinguisher.blend")).status_code == 303
    await portal.browser().start()


async def test_a_link_to_an_open_scene_works_for_a_visitor_at_the_limit(portal: Portal, browser: Browser) -> None:
    for _ in range(portal.max_sessions):
        await browser.start("shopping_cart.blend")
    answer = await browser.submit("/sessions", sample="shopping_cart.blend", reuse="yes")
    assert answer.status_code == 303
