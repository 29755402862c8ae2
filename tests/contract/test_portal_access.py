"""The portal's pages for everybody: what axe finds, on screens of any width, with names of any length and script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from axe_playwright_python.sync_playwright import Axe

from contract.portal_pages import PAGES
from contract.portal_tour import WORDS
from unit.portal.fake_agent import FakeAgent, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS: Final = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
SERIOUS: Final = ("serious", "critical")
WIDTHS: Final = (320, 768, 1280, 3840)
BEYOND: Final = """() => {
    const width = document.documentElement.clientWidth, beyond = [];
    if (document.documentElement.scrollWidth > width) beyond.push(`the page: ${document.documentElement.scrollWidth}`);
    for (const element of document.querySelectorAll("body *")) {
        const {left, right} = element.getBoundingClientRect();
        const scrolls = element.parentElement.closest(".table");
        const shown = element.checkVisibility({visibilityProperty: true}) && right > left;
        if (shown && !scrolls && !element.closest(".visually-hidden, .skip") && (left < -1 || right > width + 1)) {
            beyond.push(`${element.outerHTML.slice(0, 120)}: ${Math.round(left)} to ${Math.round(right)}`);
        }
    }
    return beyond;
}"""
MOVING: Final = "document.getAnimations().filter(one => one.playState === 'running').map(one => one.animationName)"


@pytest.fixture(scope="module")
def agent() -> Iterator[FakeAgent]:
    with running() as agent:
        yield agent


@pytest.fixture(params=PAGES)
def name(request: pytest.FixtureRequest, agent: FakeAgent) -> str:
    """The name of each page."""
    agent.forget()
    return str(request.param)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_finding(browser: Browser, tmp_path: Path, agent: FakeAgent, name: str, scheme: str) -> None:
    with PAGES[name].shown(browser, tmp_path, agent, color_scheme=scheme, reduced_motion="reduce") as tour:
        found = Axe().run(tour.page, options=OPTIONS)
        serious = [each["id"] for each in found.response["violations"] if each["impact"] in SERIOUS]
        assert serious == [], found.generate_report()


@pytest.mark.parametrize("words", WORDS)
def test_no_page_is_wider_than_its_screen(
    browser: Browser, tmp_path: Path, agent: FakeAgent, name: str, words: str
) -> None:
    with PAGES[name].shown(browser, tmp_path, agent, WORDS[words]) as tour:
        beyond = {}
        for width in WIDTHS:
            tour.page.set_viewport_size({"width": width, "height": 800})
            beyond[width] = tour.page.evaluate(BEYOND)
        assert not any(beyond.values()), beyond


def test_nothing_moves_for_somebody_who_wants_less_motion(
    browser: Browser, tmp_path: Path, agent: FakeAgent, name: str
) -> None:
    with PAGES[name].shown(browser, tmp_path, agent, reduced_motion="reduce") as tour:
        tour.page.locator("main").hover()
        assert tour.page.evaluate(MOVING) == []
