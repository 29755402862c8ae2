"""The portal's pages in a real browser: what a form sends, and what a click does before it ends a desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from contract.served_portal import Served, serving, tab
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOX = "I have no middle mouse button"
WITH_SCRIPTS = "with scripts"
WITHOUT_SCRIPTS = "without scripts"
LAPTOP = {"emulateMiddleButton": True, "emulateNumpad": True}


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as served:
        yield served


@pytest.fixture(params=[WITH_SCRIPTS, WITHOUT_SCRIPTS])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with tab(browser, scripts=request.param == WITH_SCRIPTS) as page:
        yield page


def start(page: Page, title: str) -> tuple[str, Page]:
    """Click a scene on the home page; return the new session's name, and another tab.

    The tab of a session that starts reloads itself, which would end what a test does there.
    """
    page.get_by_role("button", name=f"Open in Blender: {title}").click()
    page.wait_for_url("**/sessions/*")
    name, tab = page.url.rpartition("/")[2], page.context.new_page()
    page.close()
    return name, tab


def test_a_card_starts_its_scene_with_the_choice_of_the_page(portal: Served, page: Page) -> None:
    page.goto(portal.url)
    name, page = start(page, "Fire extinguisher")
    assert portal.store.objects[name]["spec"]["scene"] == {"sample": "fire_extinguisher.blend"}
    assert "input" not in portal.store.objects[name]["spec"]

    page.goto(portal.url)
    page.get_by_label(BOX).check()
    name, page = start(page, "Empty scene")
    assert "scene" not in portal.store.objects[name]["spec"]
    assert portal.store.objects[name]["spec"]["input"] == LAPTOP

    page.goto(portal.url)
    expect(page.get_by_label(BOX)).to_be_checked()


@pytest.mark.parametrize("page", [WITH_SCRIPTS], indirect=True)
def test_a_double_click_makes_one_session(portal: Served, page: Page) -> None:
    page.goto(portal.url)
    page.get_by_role("button", name="Open in Blender: Shopping cart").dblclick()
    page.wait_for_url("**/sessions/*")
    assert portal.store.only == page.url.rpartition("/")[2]
    assert portal.store.objects[portal.store.only]["spec"]["scene"] == {"sample": "shopping_cart.blend"}


def test_enter_on_the_checkbox_starts_nothing(portal: Served, page: Page) -> None:
    page.goto(portal.url)
    page.get_by_label(BOX).check()
    with page.expect_navigation():
        page.get_by_label(BOX).press("Enter")
    expect(page.get_by_label(BOX)).to_be_checked()
    assert not portal.store.objects
    name, _ = start(page, "Shopping cart")
    assert portal.store.only == name
    assert portal.store.objects[name]["spec"]["input"] == LAPTOP


@pytest.mark.parametrize("page", [WITH_SCRIPTS], indirect=True)
@pytest.mark.parametrize(
    ("verb", "words", "confirm"),
    [
        ("Suspend", "Your files are kept in the workspace until you stop the session.", "Save and suspend"),
        ("Stop", "the workspace is deleted with all your files", "Stop and discard"),
    ],
)
def test_a_click_that_ends_a_desktop_asks_first(
    portal: Served, page: Page, verb: str, words: str, confirm: str
) -> None:
    page.goto(portal.url)
    name, page = start(page, "Shopping cart")
    portal.store.give_workspace(name, size="5Gi")
    portal.store.make_ready(name)

    def ended() -> bool:
        body = portal.store.objects[name]
        return {"Suspend": body["spec"].get("replicas") == 0, "Stop": "deletionTimestamp" in body["metadata"]}[verb]

    page.goto(f"{portal.url}sessions/{name}?stay=yes")
    expect(page.get_by_text("Suspend keeps your work. Stop deletes it with the workspace.")).to_be_visible()
    page.get_by_role("button", name=f"{verb} Shopping cart").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text(words)
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    assert not ended()

    page.get_by_role("button", name=f"{verb} Shopping cart").click()
    question.get_by_role("button", name=confirm).click()
    until("the desktop ends", ended)


def test_the_artists_page_is_one_click_away_from_a_session_and_fits_a_phone(portal: Served, page: Page) -> None:
    page.goto(portal.url)
    name, page = start(page, "Shopping cart")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{portal.url}sessions/{name}?stay=yes")
    page.locator("[data-life=files]").get_by_role("link", name="What is kept, and when").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is kept, and when")
    table = page.get_by_role("table").first
    expect(table).to_contain_text("images that you painted or edited in Blender")
    box = page.locator(".table").first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390, "the table scrolls, and the page does not"
