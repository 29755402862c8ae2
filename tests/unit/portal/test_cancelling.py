"""A start is given up by one click if nothing is lost by it, and after the question of Stop otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

LABEL = "Cancel the start</button>"
ASKS = "popovertarget="


def wait_in_line(portal: Portal, name: str) -> None:
    queued = ("False", "Queued", "Three sessions run.")
    portal.store.set_status(name, "Queued", ("Ready", *queued), ("DesktopReady", *queued), queuePosition=2)


@pytest.mark.parametrize("state", ["no status", "starting", "in the line"])
async def test_a_start_is_cancelled_without_a_question(portal: Portal, browser: Browser, state: str) -> None:
    name = await browser.start()
    if state == "starting":
        portal.store.make_starting(name)
    elif state == "in the line":
        wait_in_line(portal, name)
    for address in (f"/sessions/{name}", "/sessions"):
        page = (await browser.see(address)).text
        assert LABEL in page, address
        assert ASKS not in page, address
    assert ("You are number 2." in (await browser.get(f"/sessions/{name}")).text) is (state == "in the line")
    answer = await browser.submit(f"/sessions/{name}/stop")
    assert (answer.status_code, answer.headers["location"]) == (303, "/#sessions")
    assert "deletionTimestamp" in portal.store.objects[name]["metadata"]


@pytest.mark.parametrize(
    ("workspace", "words", "confirm"),
    [
        ({"size": "5Gi"}, "the workspace is deleted with all your files", "Stop and discard"),
        ({"claimName": "mine"}, "The files in the workspace stay", "Stop</button>"),
    ],
)
async def test_with_a_workspace_a_person_is_asked(
    portal: Portal, browser: Browser, workspace: dict[str, str], words: str, confirm: str
) -> None:
    name = await browser.start()
    portal.store.make_starting(name)
    portal.store.give_workspace(name, **workspace)
    page = (await browser.see(f"/sessions/{name}")).text
    assert LABEL in page
    for part in (ASKS, 'Stop “<bdi dir="auto">Shopping cart</bdi>”?', words, confirm, "Go on</button>"):
        assert part in page, part


@pytest.mark.parametrize("state", ["resumed", "was ready", "ready", "suspended", "failed", "ending"])
async def test_only_what_has_never_run_is_cancelled(portal: Portal, browser: Browser, state: str) -> None:
    name = await browser.start()
    body = portal.store.objects[name]
    portal.store.make_starting(name)
    if state == "resumed":
        body["metadata"]["generation"] = 3
    elif state == "was ready":
        portal.store.note_start(name, 3)
    elif state == "ready":
        portal.store.make_ready(name)
    elif state == "suspended":
        portal.store.make_suspended(name, "Requested")
    elif state == "failed":
        portal.store.make_failed(name)
    else:
        await portal.store.delete(body["spec"]["owner"], name)
    assert LABEL not in (await browser.see(f"/sessions/{name}?stay=yes")).text
    assert LABEL not in (await browser.see("/sessions")).text


async def test_a_start_is_cancelled_by_its_owner_only(portal: Portal, browser: Browser) -> None:
    name, other = await browser.start(), portal.browser()
    await other.start()
    await other.see("/")
    assert (await other.submit(f"/sessions/{name}/stop")).status_code == 404
    browser.csrf = "forged"
    assert (await browser.submit(f"/sessions/{name}/stop")).status_code == 403
    assert "deletionTimestamp" not in portal.store.objects[name]["metadata"]
