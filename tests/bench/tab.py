"""A browser's tab that notes when its tunnel is open, and when it shows a first and a full frame."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from e2e.chromium import SIZE, close
from e2e.picture import SAME, difference, from_tab, from_vnc
from waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from e2e.desktop import Desktop

SCRIPT = Path(__file__).with_name("frames.js")
AT_REST = "benchNoted.pictures.length && Date.now() - benchNoted.pictures.at(-1).at > 2000"
Pixels = list[int]
"""Of a small picture: red, green and blue of each point."""


@dataclass(frozen=True)
class Seen:
    """When something was seen in a tab, in seconds since 1970."""

    tunnel: float
    first_frame: float
    """The desktop's first picture, or a part of it."""
    full_frame: float
    """The first picture that is as the last one."""
    last: Pixels
    """The picture at rest, small."""


class Tab:
    """A tab of a person who was never here before, ready to open a link. It is closed after a `with` block.

    Args:
        browser: opens it.
    """

    def __init__(self, browser: Browser) -> None:
        self._context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
        self._context.add_init_script(path=SCRIPT)
        self._page = self._context.new_page()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close(self._context)

    def show(self, link: str) -> Seen:
        """Open a link, wait until its picture is at rest, and return what was seen. Nothing else is done meanwhile."""
        self._page.goto(link, wait_until="commit")
        until("the picture in the tab is at rest", lambda: self._page.evaluate(AT_REST))
        self._page.evaluate("benchNoted.ended = true")
        return seen(self._page.evaluate("benchNoted"))

    def compare(self, desktop: Desktop) -> None:
        """Wait until the tab shows what VNC shows of a desktop."""
        with tempfile.TemporaryDirectory() as folder:
            whole = from_vnc(desktop, Path(folder) / "vnc.png")
        until(f"the tab shows {desktop.session} in full", lambda: difference(whole, from_tab(self._page)) < SAME)


def seen(noted: dict[str, Any]) -> Seen:
    """Read what the script noted."""
    pictures = [(float(each["at"]) / 1000, each["pixels"]) for each in noted["pictures"]]
    last = pictures[-1][1]
    full = next(at for at, pixels in pictures if mean_difference(pixels, last) < SAME)
    return Seen(float(noted["tunnel"]) / 1000, pictures[0][0], full, last)


def mean_difference(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference per channel, 0 to 255."""
    return sum(abs(left - right) for left, right in zip(one, other, strict=True)) / len(one)
