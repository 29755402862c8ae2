"""File choosers of a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def catch_file_choosers(page: Page) -> None:
    """Have the browser report its file choosers. Call it before the page is loaded.

    The wait for a file chooser would ask for that only as it begins, and a chooser that opens at once is not seen.
    """
    page.on("filechooser", lambda _: None)
