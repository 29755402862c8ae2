"""The Chromium of all tests that have a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Error

from waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

SIZE = {"width": 1280, "height": 760}
"""The size of a desktop of 1280x720 and of the line under it, in which the stand-in names itself."""
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def close(context: BrowserContext) -> None:
    """Close a window with its tabs. Chromium 156 never closes a tab that is about to show another page."""
    for page in context.pages:
        until("the tab loads nothing", lambda page=page: page.is_closed() or _stops_loading(page))
    context.close()


def _stops_loading(page: Page) -> bool:
    """Stop what a tab loads; return whether that was possible. It is not in the moment in which the page changes."""
    try:
        page.context.new_cdp_session(page).send("Page.stopLoading")
    except Error:
        return False
    return True
