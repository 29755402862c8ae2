"""A person who quits Blender gets it back in the same container; a crash is told, and its automatic saves are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from image.container import Container
    from image.desktops import RunDesktop

QUIT = "with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]): bpy.ops.wm.quit_blender()"
AUTO_SAVE = """
import os, pathlib
name = pathlib.Path(bpy.data.filepath).stem or "untitled"
bpy.ops.object.empty_add()
bpy.context.object.name = "{made}"
bpy.ops.wm.save_as_mainfile(filepath=f"/home/blender/autosave/{{name}}_{{os.getpid()}}_autosave.blend", copy=True)
"""
"""What Blender's timer does every two minutes."""
CRASHES = 2
CONTENT = """
with bpy.data.libraries.load("/home/blender/recovered/{name}") as (found, _):
    names = list(found.objects)
names
"""


def begin_to_quit(container: Container) -> None:
    """Quit Blender from its main loop, as the menu does."""
    container.blender(f"bpy.app.timers.register(lambda: exec({QUIT!r}, {{'bpy': bpy}}))")


def test_quitting_five_times_brings_blender_back_five_times(run_desktop: RunDesktop) -> None:
    container = run_desktop(scene="shopping_cart.blend")
    container.wait_ready()
    agent, server = container.pid("agent"), container.pid("Xvnc")
    for _ in range(5):
        blender = container.pid("blender")
        begin_to_quit(container)
        container.wait_replaced("blender", blender)
        container.wait_ready()
        assert container.status()["file"] == "/home/blender/shopping_cart.blend"
    assert (container.pid("agent"), container.pid("Xvnc")) == (agent, server)
    assert "unexpectedly" not in container.log()


def test_automatic_saves_of_crashes_are_offered_and_never_overwritten(run_desktop: RunDesktop) -> None:
    container = run_desktop(scene="shopping_cart.blend")
    container.wait_ready()
    for number in range(1, CRASHES + 1):
        container.blender(AUTO_SAVE.format(made=f"Made {number}"))
        container.kill_process("blender")
        end = container.exit()
        assert (end.code, end.reason) == (64, "BlenderFailed")
        container.start_again(new_pod=True)
        container.wait_ready()
        container.wait_log("The last automatic save is newer than the scene: recovered/shopping_cart-")
    saves = sorted(container.home.glob("recovered/*.blend"), key=lambda file: file.stat().st_mtime)
    assert len(saves) == CRASHES
    for number, save in enumerate(saves, start=1):
        assert f"Made {number}" in container.blender(CONTENT.format(name=save.name))


@pytest.mark.parametrize("name", ["agent", "openbox"])
def test_a_helper_that_is_killed_is_started_again(desktop: Container, name: str) -> None:
    blender, helper = desktop.pid("blender"), desktop.pid(name)
    desktop.kill_process(name)
    desktop.wait_replaced(name, helper)
    desktop.wait_ready()
    assert desktop.pid("blender") == blender
    assert desktop.agent.post("/save").status_code == 200


def test_a_screen_that_is_killed_ends_the_container_with_the_work_told(run_desktop: RunDesktop) -> None:
    container = run_desktop()
    container.wait_ready()
    container.kill_process("Xvnc")
    end = container.exit()
    assert (end.code, end.reason) == (64, "DisplayFailed")
    container.start_again()
    container.wait_ready()
