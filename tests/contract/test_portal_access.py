"""The portal's pages for everybody: what axe finds, on screens of any width, with names of any length and script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe

from contract.portal_pages import PAGES
from contract.portal_tour import PLAIN, WORDS
from unit.portal.fake_agent import FakeAgent, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS: Final = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
SERIOUS: Final = ("serious", "critical")
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
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


def test_a_page_is_for_everybody(browser: Browser, tmp_path: Path, agent: FakeAgent, name: str) -> None:
    """In one tab, since opening it takes longer than the checks."""
    with PAGES[name].shown(browser, tmp_path, agent, reduced_motion="reduce") as tour:
        tour.page.locator("main").hover()
        assert tour.page.evaluate(MOVING) == [], "somebody wants less motion"
        for scheme in SCHEMES:
            tour.page.emulate_media(color_scheme=scheme)
            found = Axe().run(tour.page, options=OPTIONS)
            serious = [each["id"] for each in found.response["violations"] if each["impact"] in SERIOUS]
            assert serious == [], f"{scheme}: {found.generate_report()}"
        assert not any((beyond := wider_than_the_screen(tour.page)).values()), beyond


@pytest.mark.parametrize("words", [words for words in WORDS if WORDS[words] is not PLAIN])
def test_no_name_makes_a_page_wider_than_its_screen(
    browser: Browser, tmp_path: Path, agent: FakeAgent, name: str, words: str
) -> None:
    with PAGES[name].shown(browser, tmp_path, agent, WORDS[words]) as tour:
        assert not any((beyond := wider_than_the_screen(tour.page)).values()), beyond


def wider_than_the_screen(page: Page) -> dict[int, list[str]]:
    """What of a page goes beyond the edges of screens, by their width."""
    beyond = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        beyond[width] = page.evaluate(BEYOND)
    return beyond
