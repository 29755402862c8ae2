"""Pictures of a desktop, taken straight from VNC and from the browser, and how far apart they are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageStat

from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from e2e.desktop import Desktop

SAME = 6.0
"""Mean difference of two pictures of one screen, of 255: Guacamole sends lossy pictures, VNC exact ones."""

ALIKE = 1.0
"""Mean difference of two pictures of a desktop in which nothing but a cursor moves."""

VIEWPORT = (0.15, 0.25, 0.70, 0.75)
"""The middle of Blender's 3D view in its Layout workspace, below notices: left, top, right, bottom as fractions of the
screen."""


def from_vnc(desktop: Desktop, file: Path) -> Image.Image:
    """Take a picture straight from the desktop's VNC server, once two in a row are alike."""
    return settled(desktop.agent.vncdo, file)


def settled(vncdo: Callable[..., None], file: Path) -> Image.Image:
    """Take a picture once two in a row are alike.

    Updates may come in parts, and a picture may be saved before the last of them is there.

    Args:
        vncdo: runs vncdo's actions on a VNC server.
        file: where the picture is saved.
    """
    earlier = file.with_stem(f"{file.stem}-earlier")

    def alike() -> Image.Image | None:
        vncdo("capture", file, "pause", "0.5", "capture", earlier, "pause", "0.5", "capture", file)
        one, other = (Image.open(each).convert("RGB") for each in (earlier, file))
        return other if difference(one, other) < ALIKE else None

    return until("two pictures of the desktop in a row are alike", alike)


def from_tab(page: Page) -> Image.Image:
    """Take a picture of what a person sees of the desktop in a tab; of the whole tab while there is none."""
    display = page.locator("#desktop > *").first
    box = display.bounding_box() if display.count() else None
    clip = box if box and box["width"] and box["height"] else None
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")  # type: ignore[arg-type]


def viewport(picture: Image.Image) -> Image.Image:
    """Cut out what shows the scene."""
    width, height = picture.size
    left, top, right, bottom = VIEWPORT
    return picture.crop((int(width * left), int(height * top), int(width * right), int(height * bottom)))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference per channel, 0 to 255; pictures of other sizes are brought to the first one's."""
    if other.size != one.size:
        other = other.resize(one.size)
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3
