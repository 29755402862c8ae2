"""The portal shows the page about what is kept, the same as in our documentation, to everybody."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

SOURCE = Path(__file__).parents[3] / "docs" / "artists.md"


def words(text: str) -> str:
    """The words of a page, without the markup of Markdown or HTML."""
    return " ".join(re.sub(r"^- |[`*|#]|---|<[^>]+>", " ", html.unescape(text), flags=re.MULTILINE).split())


async def test_the_page_has_every_word_of_the_documentation(browser: Browser) -> None:
    page = await browser.get("/artists")
    assert page.status_code == 200
    content = page.text.partition('<article class="prose">')[2].partition("</article>")[0]
    assert words(content) == words(SOURCE.read_text())
    assert "<table>" in content


async def test_reading_it_makes_no_visitor_and_asks_no_other_system(portal: Portal, browser: Browser) -> None:
    portal.store.failure = RuntimeError("nobody asks")
    page = await browser.get("/artists")
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    assert "{{" not in page.text


async def test_every_page_links_to_it(browser: Browser) -> None:
    for address in ("/", "/artists", "/sessions/none-such"):
        footer = (await browser.get(address)).text.partition("<footer>")[2]
        assert 'href="/artists"' in footer, address
