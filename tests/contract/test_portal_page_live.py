"""An open page follows its session by itself, in a real browser: without a reload, and without a loss of the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from blendersessions.model.errors import System, Unauthorised, Unavailable
from contract.served_portal import Served, serving, tab
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, watches=True) as served:
        yield served


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with tab(browser) as page:
        yield page


@pytest.fixture
def name(portal: Served, page: Page) -> str:
    """A session that is ready, and of which the page is open. Nothing asks for its progress."""
    name = portal.visit(page)
    portal.show()
    open_page(portal, page, name)
    return name


def open_page(portal: Served, page: Page, name: str) -> None:
    with page.expect_request("**/events?stay=yes"):
        page.goto(f"{portal.url}sessions/{name}?stay=yes")
    expect(page.locator("#progress")).to_have_attribute("data-state", "ready")
    # A reload would lose it.
    page.evaluate("window.isSame = true")


def requests_of(page: Page, part: str) -> list[str]:
    """Record the requests to addresses with some words in them."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if part in request.url else None)
    return seen


def suspended(portal: Served, name: str) -> None:
    portal.store.give_workspace(name)
    portal.store.make_suspended(name, "Requested")
    portal.show()


def test_a_change_is_shown_without_a_reload_and_without_a_question(portal: Served, page: Page, name: str) -> None:
    asked = requests_of(page, "/progress")
    suspended(portal, name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspended")
    assert page.evaluate("window.isSame")
    assert asked == []


def test_the_list_of_sessions_follows_too(portal: Served, page: Page, name: str) -> None:
    page.goto(portal.url)
    page.evaluate("window.isSame = true")
    row = page.locator(f"[data-session={name}]")
    expect(row).to_have_attribute("data-state", "ready")
    suspended(portal, name)
    expect(row).to_have_attribute("data-state", "suspended")
    del portal.store.objects[name]
    portal.show()
    expect(page.get_by_text("You have no sessions yet.")).to_be_visible()
    assert page.evaluate("window.isSame")


def test_a_session_that_is_ready_opens_by_itself(portal: Served, page: Page) -> None:
    name = portal.visit(page)
    portal.store.make_starting(name)
    portal.show()
    page.route("**/open", lambda route: route.fulfill(body="Blender"))
    page.goto(f"{portal.url}sessions/{name}")
    expect(page.locator("#progress")).to_have_attribute("data-state", "working")
    portal.store.make_ready(name)
    portal.show()
    page.wait_for_url("**/open")


def test_a_session_that_somebody_deletes_ends_its_page_with_words(portal: Served, page: Page, name: str) -> None:
    asked = requests_of(page, f"/sessions/{name}")
    del portal.store.objects[name]
    portal.show()
    expect(page.get_by_role("heading", level=1)).to_have_text("This session was removed")
    expect(page.get_by_role("link", name="All scenes")).to_be_visible()
    assert page.evaluate("window.isSame")
    assert asked == []


def test_the_page_says_from_when_it_is_and_recovers(portal: Served, page: Page, name: str) -> None:
    state = portal.cache.sessions
    portal.in_portal(state.ended, Unavailable("away", System.KUBERNETES))
    old = page.locator("[data-old]")
    expect(old).to_contain_text("This may be out of date: there has been no news from the cluster since")
    suspended(portal, name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspended")
    expect(old).to_be_visible()
    portal.in_portal(state.heard)
    expect(old).to_have_count(0)
    assert page.evaluate("window.isSame")


def test_the_focus_and_what_is_open_stay(portal: Served, page: Page, name: str) -> None:
    page.get_by_role("link", name="All scenes").focus()
    suspended(portal, name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspended")
    expect(page.get_by_role("link", name="All scenes")).to_be_focused()
    page.get_by_role("button", name="Stop Empty scene").focus()
    portal.store.make_failed(name)
    portal.store.objects[name]["spec"]["replicas"] = 1
    portal.show()
    details = page.locator("[data-step=scene] details")
    details.locator("summary").press("Enter")
    expect(details).to_have_attribute("open", "")
    portal.store.objects[name]["spec"]["scene"] = {"sample": "shopping_cart.blend"}
    portal.show()
    expect(page.locator(".over")).to_contain_text("Shopping cart")
    expect(details).to_have_attribute("open", "")
    expect(details.locator("summary")).to_be_focused()


def test_a_question_stays_open_until_it_is_answered(portal: Served, page: Page, name: str) -> None:
    page.get_by_role("button", name="Stop Empty scene").click()
    suspended(portal, name)
    question = page.get_by_role("dialog")
    expect(question).to_be_visible()
    question.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspended")


def test_tokens_of_forms_are_renewed_though_the_part_looks_the_same(portal: Served, page: Page, name: str) -> None:
    first = page.locator("[name=csrf]").first.input_value()
    open_page(portal, page, name)
    mark = page.locator("#progress").evaluate("each => { each.isSame = true; return true; }")
    assert mark
    page.evaluate("document.querySelectorAll('[name=csrf]').forEach((each) => { each.value = 'old'; })")
    with page.expect_request("**/events?stay=yes"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("[name=csrf]").first).not_to_have_value("old")
    assert first
    assert page.locator("#progress").evaluate("each => each.isSame"), "it was not replaced"


def test_a_page_whose_stream_is_held_back_asks(portal: Served, page: Page) -> None:
    name = portal.visit(page)
    portal.show()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/events?stay=yes", hold)
    page.goto(f"{portal.url}sessions/{name}?stay=yes")
    suspended(portal, name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspended")
    assert held, "it tried"


def test_a_page_that_finds_the_portal_away_says_so_and_recovers(portal: Served, page: Page, name: str) -> None:
    page.route("**/sessions/*/*", lambda route: route.abort())
    portal.in_portal(portal.cache.sessions.ended, Unauthorised("You may not watch.", System.KUBERNETES))
    expect(page.locator("#lost")).to_contain_text("The portal does not answer.")
    page.unroute("**/sessions/*/*")
    suspended(portal, name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspended")
    expect(page.locator("#lost")).to_have_count(0)


@pytest.mark.usefixtures("name")
def test_a_tab_that_nobody_sees_has_no_stream(portal: Served, page: Page) -> None:
    streams = portal.live
    until("the page has its stream", lambda: streams.count == 1)
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'));"
    )
    until("the stream is over", lambda: streams.count == 0)
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'));")
    until("the stream is back", lambda: streams.count == 1)
    page.close()
    until("the stream is over", lambda: streams.count == 0)
