"""The portal by the keyboard alone: what Tab reaches, where the focus stays, and a whole visit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import Page, expect

from contract.portal_pages import PAGES
from contract.portal_tour import Tour
from contract.served_portal import serving_files, tab
from unit.portal.fake_agent import FakeAgent, running
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

# What Tab has to reach, in the order of the document, and which of it has the focus.
CONTROLS: Final = """() => {
    const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    const all = [...document.querySelectorAll(kinds)].filter((one) => one.checkVisibility() && !one.disabled);
    return {all: all.map((one) => one.outerHTML.slice(0, 160)), focused: all.indexOf(document.activeElement)};
}"""
FAULTS_OF_FOCUSED: Final = """() => {
    const one = document.activeElement, shown = one.closest("label.button") || one, faults = [];
    const {outlineStyle, outlineWidth} = getComputedStyle(shown);
    if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) faults.push("no ring");
    const {left, right, top, bottom} = shown.getBoundingClientRect();
    const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    if (!shown.contains(above) && !above?.contains(shown)) faults.push("covered");
    return faults.map((fault) => `${fault}: ${one.outerHTML.slice(0, 160)}`);
}"""
IN_REFRESHED: Final = """() => [...document.querySelectorAll("[data-refresh] *")]
    .filter((one) => one.tabIndex >= 0 && one.checkVisibility() && !one.id).map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def agent() -> Iterator[FakeAgent]:
    with running() as agent:
        yield agent


@pytest.fixture
def tour(browser: Browser, tmp_path: Path, agent: FakeAgent) -> Iterator[Tour]:
    """A tab of somebody who was never here."""
    agent.forget()
    with serving_files(tmp_path, agent) as portal, tab(browser, reduced_motion="reduce") as page:
        yield Tour(page, portal, agent)


def name_of_focused(page: Page) -> str:
    """What a screen reader calls the control that has the focus; empty if none has it."""
    # One answer: a refresh may replace the control between two.
    tools = page.context.new_cdp_session(page)
    nodes: list[dict[str, Any]] = tools.send("Accessibility.getFullAXTree")["nodes"]
    tools.detach()
    focused = [node for node in nodes if node["role"]["value"] != "RootWebArea" and _has_focus(node)]
    return str(focused[-1].get("name", {}).get("value", "")) if focused else ""


def _has_focus(node: dict[str, Any]) -> bool:
    return any(each["name"] == "focused" and each["value"]["value"] for each in node.get("properties", []))


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of this name has the focus."""
    for _ in range(2 * len(page.evaluate(CONTROLS)["all"]) + 2):
        page.keyboard.press("Tab")
        if name_of_focused(page) == name:
            return
    pytest.fail(f"Tab reaches no {name!r}")


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_every_control_and_shows_which(
    browser: Browser, tmp_path: Path, agent: FakeAgent, name: str
) -> None:
    agent.forget()
    with PAGES[name].shown(browser, tmp_path, agent, reduced_motion="reduce") as tour:
        page, reached, faults = tour.page, set[int](), list[str]()
        controls = page.evaluate(CONTROLS)
        # Twice around, since the focus may begin anywhere.
        for _ in range(2 * len(controls["all"]) + 2):
            at = page.evaluate(CONTROLS)["focused"]
            if at >= 0 and at not in reached:
                reached.add(at)
                faults += page.evaluate(FAULTS_OF_FOCUSED)
                if not name_of_focused(page):
                    faults.append(f"no name: {controls['all'][at]}")
            page.keyboard.press("Tab")
        assert faults == []
        # A question closes when the focus leaves it, so its own controls are no longer there.
        left_out = [each for at, each in enumerate(controls["all"]) if at not in reached]
        assert "?" in name or left_out == []


def test_the_skip_link_leads_into_the_page_without_loading_it_again(tour: Tour) -> None:
    tour.go("artists")
    tour.page.evaluate("window.same = true")
    tour.page.keyboard.press("Tab")
    assert name_of_focused(tour.page) == "Skip to the content"
    tour.page.keyboard.press("Enter")
    expect(tour.page.locator("main")).to_be_focused()
    # A document that is loaded again comes in a later task than the keys.
    tour.page.keyboard.press("Tab")
    tour.page.wait_for_load_state("networkidle")
    assert tour.page.evaluate("window.same"), "the page was loaded again"
    assert tour.page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("name", ["home with sessions", "session: failed", "session: ready", "session: suspended"])
def test_every_control_that_a_refresh_replaces_has_an_id_by_which_it_keeps_the_focus(
    browser: Browser, tmp_path: Path, agent: FakeAgent, name: str
) -> None:
    agent.forget()
    with PAGES[name].shown(browser, tmp_path, agent) as tour:
        assert tour.page.evaluate(IN_REFRESHED) == []


def test_the_focus_stays_when_the_list_is_sent_anew(tour: Tour) -> None:
    name = tour.session()
    tour.page.clock.install()
    tour.go()
    tab_to(tour.page, tour.words.file)
    tour.portal.store.make_suspended(name, "Requested")
    tour.page.clock.fast_forward(20_000)
    expect(tour.page.get_by_role("button", name="Resume Empty scene")).to_be_visible()
    expect(tour.page.get_by_role("link", name="Empty scene", exact=True)).to_be_focused()

    # A control that is gone leaves the focus to what it was part of.
    tab_to(tour.page, "Resume Empty scene")
    tour.portal.store.objects[name]["spec"]["replicas"] = 1
    tour.portal.store.make_ready(name)
    tour.page.clock.fast_forward(20_000)
    expect(tour.page.get_by_role("link", name="Open Empty scene")).to_be_visible()
    expect(tour.page.locator(f"[data-session={name}]")).to_be_focused()
    tour.page.keyboard.press("Tab")
    assert name_of_focused(tour.page) == "Empty scene"


def test_the_focus_stays_when_the_progress_is_sent_anew(tour: Tour) -> None:
    name = tour.in_state("starting")
    tour.page.clock.install()
    tour.go(f"sessions/{name}?stay=yes")
    tab_to(tour.page, "All scenes")
    tour.put(name, "queued")
    tour.page.clock.fast_forward(20_000)
    expect(tour.page.locator("[data-state=queued]").first).to_be_visible()
    expect(tour.page.get_by_role("link", name="All scenes")).to_be_focused()


def test_escape_closes_questions_and_details(tour: Tour) -> None:
    tour.go(f"sessions/{tour.in_state('failed')}?stay=yes")
    page = tour.page
    summary = page.get_by_text("Details for your administrator").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details").first).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(page.locator("details").first).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()

    tab_to(page, f"Remove {tour.words.file}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert name_of_focused(page) == f"Remove {tour.words.file}"


def test_a_question_closes_when_the_focus_leaves_it(tour: Tour) -> None:
    """Else it would cover what has the focus."""
    tour.go(f"sessions/{tour.session()}?stay=yes")
    tab_to(tour.page, f"Stop {tour.words.file}")
    tour.page.keyboard.press("Enter")
    expect(tour.page.get_by_role("button", name="Cancel")).to_be_focused()
    tab_to(tour.page, "All scenes")
    expect(tour.page.get_by_role("dialog")).to_be_hidden()
    expect(tour.page.get_by_role("link", name="All scenes")).to_be_focused()


def test_a_session_is_started_opened_and_stopped(tour: Tour) -> None:
    page, store = tour.page, tour.portal.store
    client = f"{tour.portal.url}guacamole/#/client/MQBjAHBvc3RncmVzcWw"
    page.route("**/guacamole/**", lambda route: route.fulfill(body="<title>Blender</title>", content_type="text/html"))
    tour.go()
    tab_to(page, "Open in Blender: Fire extinguisher")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/*")
    name = store.only
    assert store.objects[name]["spec"]["scene"] == {"sample": "fire_extinguisher.blend"}
    store.make_ready(name, client)
    page.wait_for_url("**/guacamole/**")

    tour.go()
    tab_to(page, "Stop Fire extinguisher")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Stop “Fire extinguisher”?")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    assert name_of_focused(page) == "Stop and discard"
    page.keyboard.press("Enter")
    until("the session ends", lambda: "deletionTimestamp" in store.objects[name]["metadata"])
    expect(page.get_by_text("Ending")).to_be_visible()
