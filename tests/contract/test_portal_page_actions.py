"""What a person sees and does on the page of a session that starts, runs or failed, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from contract.served_portal import Served, serving, tab

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


def start(portal: Served, page: Page) -> str:
    """Start a session from the home page, without following it, and return its name."""
    page.goto(portal.url)
    known = set(portal.store.objects)
    token = page.locator("[name=csrf]").first.input_value()
    form = {"csrf": token, "sample": "shopping_cart.blend"}
    answer = page.request.post(f"{portal.url}sessions", form=form, max_redirects=0)
    assert answer.status == 303, answer.text()
    (name,) = portal.store.objects.keys() - known
    return name


def test_a_page_counts_how_long_a_start_has_taken(portal: Served, page: Page, browser: Browser) -> None:
    for seconds in (2.4, 3.1, 40.0):
        with tab(browser) as other:
            name = start(portal, other)
        portal.store.make_ready(name)
        portal.store.note_start(name, seconds)
    name = start(portal, page)
    portal.store.make_starting(name)
    portal.store.objects[name]["status"]["startedAt"] = datetime.now(UTC).isoformat()
    portal.show()
    page.goto(f"{portal.url}sessions/{name}")
    pace = page.locator(".pace")
    expect(pace).to_contain_text("A start usually takes 3 s.")
    counted = pace.locator("[data-count]")
    first = int(counted.inner_text())
    page.wait_for_function("first => Number(document.querySelector('[data-count]').textContent) > first", arg=first)
    expect(page.get_by_role("status")).not_to_contain_text("usually")


def test_a_start_in_the_line_says_its_place_and_is_cancelled_by_one_click(portal: Served, page: Page) -> None:
    name = start(portal, page)
    queued = ("False", "Queued", "Three sessions run.")
    portal.store.set_status(name, "Queued", ("Ready", *queued), ("DesktopReady", *queued), queuePosition=2)
    portal.show()
    page.goto(f"{portal.url}sessions/{name}")
    expect(page.locator(".lead")).to_contain_text("You are number 2.")
    page.get_by_role("button", name="Cancel the start of Shopping cart").click()
    page.wait_for_url("**/#sessions")
    assert "deletionTimestamp" in portal.store.objects[name]["metadata"]


def test_the_question_of_a_start_with_a_workspace_can_be_taken_back(portal: Served, page: Page) -> None:
    name = start(portal, page)
    portal.store.give_workspace(name, size="5Gi")
    portal.store.make_starting(name)
    portal.show()
    page.goto(f"{portal.url}sessions/{name}")
    page.get_by_role("button", name="Cancel the start of Shopping cart").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("the workspace is deleted with all your files")
    question.get_by_role("button", name="Go on").click()
    expect(question).to_be_hidden()
    assert "deletionTimestamp" not in portal.store.objects[name]["metadata"]


def test_a_failure_is_told_in_plain_words_and_its_technical_reason_is_folded_away(portal: Served, page: Page) -> None:
    name = start(portal, page)
    message = "The pod on node n7 has no policy."
    failed = [(kind, "False", "Unconfined", message) for kind in ("Ready", "DesktopReady")]
    portal.store.set_status(name, "Failed", *failed, ("Stalled", "True", "Unconfined", message))
    portal.show()
    page.goto(f"{portal.url}sessions/{name}")
    expect(page.get_by_role("heading", level=1)).to_have_text("No session may start here now")
    expect(page.get_by_text(message)).to_be_hidden()
    page.get_by_text("Details for your administrator").first.click()
    expect(page.get_by_text(message)).to_be_visible()


def test_duplicate_says_that_files_are_not_copied_and_leads_to_the_new_session(portal: Served, page: Page) -> None:
    name = start(portal, page)
    portal.store.make_ready(name)
    portal.show()
    page.goto(f"{portal.url}sessions/{name}?stay=yes")
    page.get_by_role("button", name="Duplicate Shopping cart").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("they are not copied")
    question.get_by_role("button", name="Start another one").dblclick()
    page.wait_for_url(lambda address: "/sessions/shopping-cart-" in address and name not in address)
    (made,) = portal.store.objects.keys() - {name}
    assert page.url == f"{portal.url}sessions/{made}"
    assert portal.store.objects[made]["spec"] == portal.store.objects[name]["spec"]


def test_a_page_says_at_once_that_somebody_else_has_come_in(portal: Served, page: Page) -> None:
    name = start(portal, page)
    portal.store.make_ready(name)
    portal.store.objects[name]["status"]["activity"] = {"users": 1}
    portal.show()
    page.goto(f"{portal.url}sessions/{name}?stay=yes")
    place = page.locator("[data-life=users]")
    expect(place).to_have_text("It is open in one browser now.")
    portal.store.objects[name]["status"]["activity"] = {"users": 2}
    portal.show()
    expect(place).to_have_text("It is open in 2 browsers now.")
