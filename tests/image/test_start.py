"""A container starts, and shows what it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.picture import difference, viewport

if TYPE_CHECKING:
    from pathlib import Path

    from image.built import BuiltImage
    from image.container import Container
    from image.desktops import RunDesktop

pytestmark = pytest.mark.every_blender
CART = "/home/blender/shopping_cart.blend"
EXPORT = """
bpy.ops.export_scene.gltf(filepath="/home/blender/exported.glb")
bpy.ops.export_scene.fbx(filepath="/home/blender/exported.fbx")
"""
BACKGROUND = """
import bpy
render = bpy.context.scene.render
render.engine = "BLENDER_WORKBENCH"
render.resolution_x = render.resolution_y = 16
render.filepath = "/tmp/background.png"
bpy.ops.render.render(write_still=True)
"""


def test_the_sample_is_on_screen(desktop: Container, run_desktop: RunDesktop, tmp_path: Path) -> None:
    empty = run_desktop()
    empty.wait_ready()
    assert desktop.status()["file"] == CART
    assert desktop.blender("bpy.data.filepath") == CART
    cart, cube = desktop.screenshot(tmp_path / "cart.png"), empty.screenshot(tmp_path / "cube.png")
    assert cart.size == (1280, 720)
    assert difference(viewport(cart), viewport(cube)) > 1


def test_the_image_and_the_agent_say_which_blender_it_is(desktop: Container, blender_image: BuiltImage) -> None:
    version = desktop.status()["blender_version"]
    assert version == desktop.blender("'.'.join(map(str, bpy.app.version))")
    assert blender_image.labels["io.blendersessions.blender-version"] == version.rpartition(".")[0]


def test_the_add_ons_that_blender_comes_with_can_be_used(desktop: Container) -> None:
    """Debian's package does not ask for the modules of Python that glTF, FBX and the loading of extensions need."""
    desktop.blender(EXPORT)
    assert sorted(path.name for path in desktop.home.glob("exported.*")) == ["exported.fbx", "exported.glb"]
    assert desktop.blender("__import__('addon_utils').check('bl_pkg')") == [True, True]


def test_what_has_no_window_renders_too(desktop: Container) -> None:
    """A script that starts a Blender of its own in the background has no display to draw on."""
    desktop.run(
        "env -u DISPLAY HOME=/tmp blender --background --factory-startup --python-exit-code 1 "
        f"--python-expr '{BACKGROUND}' > /tmp/background.log 2>&1"
    )
    assert (desktop.tmp / "background.png").stat().st_size


def test_the_container_has_the_rights_of_the_pods(desktop: Container) -> None:
    status = desktop.run("cat /proc/1/status")
    read = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert read["Uid"].split() == ["1000"] * 4
    assert read["CapBnd"] == read["CapEff"] == "0" * 16
    assert read["NoNewPrivs"] == "1"
    assert (
        desktop.run("for folder in /tmp /home/blender /run/blender-sessions; do touch $folder/x; rm $folder/x; done")
        == ""
    )
    assert desktop.run("touch /var/tmp/x 2>&1 || true").endswith("Read-only file system")
