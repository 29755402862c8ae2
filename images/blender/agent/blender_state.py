"""Reads and sets Blender's own state. Only for the main thread: bpy is not safe in any other."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bpy
from bpy.app.handlers import persistent

from agent.rendering import RenderTracker

if TYPE_CHECKING:
    from collections.abc import Iterator


AUTO_SAVE: Final = "autosave"
"""Folder in the home folder: after a crash, at most the time between two automatic saves is lost."""
_AUTO_SAVE_MINUTES: Final = 2
_LONG_JOBS: Final = ("RENDER", "OBJECT_BAKE")
"""What a person starts and then waits for with the browser closed."""


def apply_preferences(home: Path) -> None:
    """Set what differs from factory settings for a desktop that somebody opens in a browser."""
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    # A preview costs seconds of shaders at the first save, which is often the one when a desktop has to end.
    preferences.filepaths.file_preview_type = "NONE"
    preferences.filepaths.use_auto_save_temporary_files = True
    preferences.filepaths.auto_save_time = _AUTO_SAVE_MINUTES
    try:
        (home / AUTO_SAVE).mkdir(exist_ok=True)
        # Blender's working folders of runs that crashed; the automatic saves are files beside them.
        for folder in (home / AUTO_SAVE).glob("blender_*/"):
            shutil.rmtree(folder, ignore_errors=True)
        preferences.filepaths.temporary_directory = str(home / AUTO_SAVE)
    except OSError as error:
        print(f"Automatic saves go to /tmp and are lost with the pod: {error}", file=sys.stderr)  # noqa: T201
    # The home folder belongs to this session alone and a .blend is a stranger's: its scripts stay off.
    preferences.filepaths.use_scripts_auto_execute = False
    preferences.use_preferences_save = False
    # One pass instead of the default's eight draws of the whole scene, which a processor does in place of a GPU here.
    preferences.system.viewport_aa = "FXAA"


class DrawCounter:
    """Counts the draws of all 3D views."""

    def __init__(self) -> None:
        self.draws = 0
        bpy.types.SpaceView3D.draw_handler_add(self._drawn, (), "WINDOW", "POST_PIXEL")

    def _drawn(self) -> None:
        self.draws += 1


def register_render_handlers(tracker: RenderTracker) -> None:
    """Have a watch told of every render, however short. Blender calls from the thread that renders."""

    def began(*_: object) -> None:
        tracker.began()

    def ended(*_: object) -> None:
        tracker.ended()

    bpy.app.handlers.render_init.append(persistent(began))
    bpy.app.handlers.render_complete.append(persistent(ended))
    bpy.app.handlers.render_cancel.append(persistent(ended))


def is_long_job_running() -> bool:
    """Tell whether Blender renders or bakes in the background."""
    return any(bpy.app.is_job_running(job) for job in _LONG_JOBS)


def open_file() -> str:
    """Return the absolute path of the open scene, empty if it was never saved."""
    return str(bpy.data.filepath)


def is_dirty() -> bool:
    """Tell whether there are changes that are not saved."""
    return bool(bpy.data.is_dirty)


def view_camera() -> str | None:
    """Return the name of the camera that the first 3D view looks through, None if it looks from elsewhere."""
    view = next(_views(), None)
    if view is None or view.region_3d is None or view.region_3d.view_perspective != "CAMERA" or view.camera is None:
        return None
    return str(view.camera.name)


def _views() -> "Iterator[bpy.types.SpaceView3D]":
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                yield area.spaces.active
