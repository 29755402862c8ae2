"""Cycles gives a picture without a denoiser, and says what was left out; what has no window renders too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from waiting import until

if TYPE_CHECKING:
    from image.container import Container
    from image.desktops import RunDesktop

pytestmark = pytest.mark.every_blender

CYCLES = """
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.render.resolution_x, scene.render.resolution_y = 64, 36
scene.cycles.samples = 4
"""
ASK_FOR_DENOISING = (
    CYCLES
    + """
scene.cycles.use_denoising = scene.cycles.use_preview_denoising = True
# Since Blender 5 the settings of an add-on are apart from what a person adds.
apart = hasattr(scene, "bl_system_properties_get")
settings = scene.bl_system_properties_get(do_create=True) if apart else scene
settings["cycles"]["denoiser"] = 4
"""
)
"""As it is in most files from elsewhere: 4 is Open Image Denoise, which this Blender does not offer."""
F12 = """
with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
    bpy.ops.render.render("INVOKE_DEFAULT")
"""
SAVE_AS = "bpy.ops.wm.save_as_mainfile(filepath='/home/blender/{name}.blend')"
NOTICE = "Cycles renders without denoising"


def assert_picture(container: Container, name: str) -> None:
    def render() -> Image.Image | None:
        try:
            # It may still be written.
            return next((Image.open(file).convert("L") for file in container.home.glob(f"renders/{name}-*.png")), None)
        except OSError:
            return None

    picture = until(f"the render of {name} is there; the log:\n{container.log()}", render)
    assert picture is not None
    assert picture.size == (64, 36)
    assert picture.getextrema()[1] > 100


def test_the_first_cycles_render_of_an_empty_scene(run_desktop: RunDesktop) -> None:
    """With the settings that Blender comes with, which ask for denoising, and with one processor."""
    container = run_desktop(processors=1)
    container.wait_ready()
    assert container.blender("bpy.context.scene.render.threads") == 1, "the node has more"
    assert container.blender("bpy.context.preferences.system.viewport_aa") == "OFF", "the processor draws here"
    container.blender(CYCLES)
    container.blender(F12)
    assert_picture(container, "untitled")
    container.wait_log(NOTICE)


def test_a_file_that_asks_for_denoising(run_desktop: RunDesktop) -> None:
    container = run_desktop()
    container.wait_ready()
    # Saved in the same moment, before anything can be switched off.
    container.blender(ASK_FOR_DENOISING + SAVE_AS.format(name="denoised"))
    container.kill_process("blender")
    container.exit()
    container.start_again()
    container.wait_ready()
    assert container.status()["scene"] == "denoised.blend"
    container.blender("bpy.ops.render.render()")
    assert_picture(container, "denoised")
    container.wait_log(NOTICE)
