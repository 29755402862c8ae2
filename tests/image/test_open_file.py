"""The file that was open is open again, whatever it is called and wherever in the home folder it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from image.container import Container
    from image.desktops import RunDesktop

HOME = "/home/blender"
SAVE_AS = "bpy.ops.wm.save_as_mainfile(filepath={path!r})"
QUIT = "with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]): bpy.ops.wm.quit_blender()"
NAMES = (
    "shots/sc 01/final v2.blend",
    "no suffix",
    "--python",
    "日本 ünï Ωλ Привет.blend",
    "two\nlines.blend",
    'quote\'s "and" $HOME `x` \\ #hash?%20.BLEND',
)


@pytest.fixture(scope="module")
def empty(run_module_desktop: RunDesktop) -> Container:
    container = run_module_desktop()
    container.wait_ready()
    return container


def quit_and_wait(container: Container) -> None:
    blender = container.pid("blender")
    container.blender(f"bpy.app.timers.register(lambda: exec({QUIT!r}, {{'bpy': bpy}}))")
    container.wait_replaced("blender", blender)
    container.wait_ready()


@pytest.mark.parametrize("name", NAMES)
def test_the_open_file_is_open_again(empty: Container, name: str) -> None:
    empty.blender(f"import os; os.makedirs(os.path.dirname({f'{HOME}/{name}'!r}), exist_ok=True)")
    empty.blender(SAVE_AS.format(path=f"{HOME}/{name}"))
    quit_and_wait(empty)
    assert empty.blender("bpy.data.filepath") == f"{HOME}/{name}"
    assert empty.status()["file"] == f"{HOME}/{name}"


def test_a_linked_folder_of_the_home(empty: Container) -> None:
    empty.run(f"mkdir -p {HOME}/real && ln -sfn real {HOME}/linked")
    empty.blender(SAVE_AS.format(path=f"{HOME}/linked/scene.blend"))
    quit_and_wait(empty)
    assert empty.blender("bpy.data.filepath") == f"{HOME}/real/scene.blend"


def test_without_the_state_the_newest_scene_is_opened_and_told(empty: Container) -> None:
    empty.blender(SAVE_AS.format(path=f"{HOME}/newest.blend"))
    (empty.home / ".blender-session.json").unlink()
    quit_and_wait(empty)
    assert empty.status()["scene"] == "newest.blend"
    empty.wait_log("It is not known which scene was open last. newest.blend was changed last and was opened.")
