"""Pictures of the screen and of files come from a real desktop, whatever Blender does."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageStat

from e2e.picture import SAME, difference
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from image.container import Container
    from image.desktops import RunDesktop

QUIT = "with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]): bpy.ops.wm.quit_blender()"
SIZE = (640, 360)
MAX_BYTES = 60 * 1024
SAVE_WITH_A_PICTURE = """
bpy.context.preferences.filepaths.file_preview_type = "AUTO"
window = bpy.context.window_manager.windows[0]
with bpy.context.temp_override(window=window, screen=window.screen):
    bpy.ops.wm.save_as_mainfile(filepath="/home/blender/with picture.blend", copy=True)
bpy.context.preferences.filepaths.file_preview_type = "NONE"
"""
SAVE_AN_IMAGE = """
image = bpy.data.images.new("blue", 2000, 1000)
image.generated_color = (0, 0, 1, 1)
image.file_format = "PNG"
image.filepath_raw = "/home/blender/blue.png"
image.save()
"""


def picture(answer: requests.Response) -> Image.Image:
    """Return the picture of an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/webp"
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def red(image: Image.Image) -> int:
    """Return how many pixels are as red as the cart's plastic."""
    data = image.convert("RGB").tobytes()
    return sum(r > 110 and g < 70 and b < 70 for r, g, b in zip(data[::3], data[1::3], data[2::3], strict=True))


@pytest.mark.every_blender
def test_the_screen_is_shown_while_blender_computes_and_after_it_was_quit(desktop: Container, tmp_path: Path) -> None:
    screen = desktop.screenshot(tmp_path / "screen.png")
    asked = int(time.time())
    with desktop.computing(), ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: desktop.agent.get("/thumbnail"), range(2))
    image = picture(one)
    assert image.size == SIZE
    assert len(one.content) <= MAX_BYTES
    assert difference(image, screen.resize(SIZE, Image.Resampling.BOX)) < SAME
    assert red(image) > 200
    # Nothing was made before somebody asked, and once for both.
    made = one.headers["Last-Modified"]
    assert parsedate_to_datetime(made).timestamp() >= asked
    assert (other.headers["Last-Modified"], other.content) == (made, one.content)
    former = desktop.pid("blender")
    desktop.blender_begin(QUIT)
    desktop.wait_replaced("blender", former)
    again = desktop.agent.get("/thumbnail")
    assert (again.headers["Last-Modified"], again.content) == (made, one.content)
    desktop.wait_ready()


@pytest.mark.every_blender
def test_files_show_what_is_in_them(desktop: Container) -> None:
    desktop.blender(SAVE_WITH_A_PICTURE)
    desktop.blender(SAVE_AN_IMAGE)
    scene = picture(desktop.agent.get("/thumbnail/with%20picture.blend"))
    assert max(scene.size) == 128
    assert red(scene) > 10
    blue = picture(desktop.agent.get("/thumbnail/blue.png"))
    assert (blue.size, ImageStat.Stat(blue).mean[2] > 200) == ((256, 128), True)
    (desktop.home / "none.blend").write_bytes(b"none")
    without = desktop.agent.get("/thumbnail/none.blend")
    assert (without.status_code, without.json()["message"]) == (
        404,
        "none.blend has no thumbnail. The file is no .blend file.",
    )


def test_a_screen_of_16_bits_and_one_that_shows_nothing_yet(run_desktop: RunDesktop, tmp_path: Path) -> None:
    container = run_desktop(scene="shopping_cart.blend", env={"BLENDER_DEPTH": "16"})
    until("the agent answers", container.status)
    early = container.agent.get("/thumbnail")
    assert (early.status_code, early.headers["Retry-After"]) == (503, "5")
    container.wait_ready()
    image = picture(container.agent.get("/thumbnail"))
    screen = container.screenshot(tmp_path / "screen.png")
    assert difference(image, screen.resize(SIZE, Image.Resampling.BOX)) < SAME
