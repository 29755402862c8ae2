"""A browser's tab that notes when its tunnel is open, and when it shows a first and a full frame."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.conftest import SIZE
from e2e.picture import SAME, difference, from_tab, from_vnc
from waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from e2e.desktop import Desktop

SCRIPT = Path(__file__).with_name("frames.js")
Pixels = list[int]


@dataclass(frozen=True)
class Seen:
    """When something was seen in a tab, in seconds since 1970."""

    tunnel: float
    first_frame: float
    """The desktop's first picture, or a part of it."""
    full_frame: float
    """The first picture that is as the last one."""


def look(browser: Browser, link: str, desktop: Desktop) -> Seen:
    """Open a link in a tab of a person who was never here before, until it shows what VNC shows."""
    context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    try:
        context.add_init_script(path=SCRIPT)
        page = context.new_page()
        page.goto(link, wait_until="commit")
        until(f"the tab shows a frame of {desktop.session}", lambda: page.evaluate("benchNoted.pictures.length"))
        with tempfile.TemporaryDirectory() as folder:
            whole = from_vnc(desktop, Path(folder) / "vnc.png")
        until(f"the tab shows {desktop.session} in full", lambda: difference(whole, from_tab(page)) < SAME)
        return seen(page.evaluate("benchNoted"))
    finally:
        context.close()


def seen(noted: dict[str, Any]) -> Seen:
    """Read what the script noted."""
    pictures = [(float(each["at"]) / 1000, each["pixels"]) for each in noted["pictures"] if any(each["pixels"])]
    last = pictures[-1][1]
    full = next(at for at, pixels in pictures if mean_difference(pixels, last) < SAME)
    return Seen(float(noted["tunnel"]) / 1000, pictures[0][0], full)


def mean_difference(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference per channel, 0 to 255."""
    return sum(abs(left - right) for left, right in zip(one, other, strict=True)) / len(one)
