"""A kill in the middle of a save costs nothing that was saved before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waiting import until

if TYPE_CHECKING:
    from image.container import Container
    from image.desktops import RunDesktop

HOME = "/home/blender"
LARGE = f"""
mesh = bpy.data.meshes.new("Large")
mesh.vertices.add(4_000_000)
bpy.context.collection.objects.link(bpy.data.objects.new("Large", mesh))
bpy.ops.wm.save_as_mainfile(filepath="{HOME}/large.blend")
"""
SAVE = "bpy.ops.wm.save_mainfile()"
OBJECTS = "sorted(item.name for item in bpy.data.objects)"
PARTS = (0.3, 0.99)
"""How much of the file is written at the kill."""


@pytest.fixture(scope="module")
def large(run_module_desktop: RunDesktop) -> Container:
    container = run_module_desktop()
    container.wait_ready()
    container.blender(LARGE)
    return container


@pytest.mark.parametrize("part", PARTS)
def test_a_kill_during_a_save_leaves_a_whole_file(large: Container, part: float) -> None:
    file, partial = large.home / "large.blend", large.home / "large.blend@"
    objects, former = large.blender(OBJECTS), file.stat()

    def has_come_far() -> bool:
        try:
            # A save may be over before it is seen here.
            return file.stat().st_ino != former.st_ino or partial.stat().st_size >= part * former.st_size
        except FileNotFoundError:
            # The new file is not begun, or the former one was just renamed.
            return not file.exists()

    large.blender_begin(SAVE)
    until("the save has come far", has_come_far, pause=0.0)
    large.kill_process("blender")

    assert large.exit().reason == "BlenderFailed"
    large.start_again()
    large.wait_ready()
    assert large.blender("bpy.data.filepath") == f"{HOME}/large.blend"
    assert large.blender(OBJECTS) == objects
    # Blender itself keeps the version before.
    assert {path.name for path in large.home.glob("*large.blend*")} <= {"large.blend", "large.blend1"}
