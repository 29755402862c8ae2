"""Reads and sets Blender's own state. Call it on the main thread only: bpy is not safe in other threads."""

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
"""The folder of automatic saves in the home folder."""
_AUTO_SAVE_MINUTES: Final = 2
"""A crash loses at most the changes of this period."""
_LONG_JOBS: Final = ("RENDER", "OBJECT_BAKE")
"""The jobs that people leave running with the browser closed."""


def apply_preferences(home: Path) -> None:
    """Change the factory preferences to those of a desktop in a browser.

    Args:
        home: the home folder, which gets the automatic saves.
    """
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    # A preview compiles shaders for seconds at the first save, and that save is often the one before the pod stops.
    preferences.filepaths.file_preview_type = "NONE"
    preferences.filepaths.use_auto_save_temporary_files = True
    preferences.filepaths.auto_save_time = _AUTO_SAVE_MINUTES
    try:
        (home / AUTO_SAVE).mkdir(exist_ok=True)
        # Crashed runs leave their working folders. The automatic saves are files beside them and stay.
        for folder in (home / AUTO_SAVE).glob("blender_*/"):
            shutil.rmtree(folder, ignore_errors=True)
        preferences.filepaths.temporary_directory = str(home / AUTO_SAVE)
    except OSError as error:
        print(f"Automatic saves go to /tmp and are lost with the pod: {error}", file=sys.stderr)  # noqa: T201
    # Anybody may have made a .blend file, so its scripts do not run by themselves.
    preferences.filepaths.use_scripts_auto_execute = False
    preferences.use_preferences_save = False
    # The default draws the whole scene eight times. FXAA draws it once, which matters without a GPU.
    preferences.system.viewport_aa = "FXAA"


class DrawCounter:
    """Counts the draws of all 3D views."""

    def __init__(self) -> None:
        self.draws = 0
        bpy.types.SpaceView3D.draw_handler_add(self._drawn, (), "WINDOW", "POST_PIXEL")

    def _drawn(self) -> None:
        self.draws += 1


def register_render_handlers(tracker: RenderTracker) -> None:
    """Register handlers that report each render's start and end to the tracker.

    Blender calls them in the thread that renders. They also see a render that is shorter than a tick.
    """

    def began(*_: object) -> None:
        tracker.began()

    def ended(*_: object) -> None:
        tracker.ended()

    bpy.app.handlers.render_init.append(persistent(began))
    bpy.app.handlers.render_complete.append(persistent(ended))
    bpy.app.handlers.render_cancel.append(persistent(ended))


def is_long_job_running() -> bool:
    """Return whether Blender renders or bakes in the background."""
    return any(bpy.app.is_job_running(job) for job in _LONG_JOBS)


def open_file() -> str:
    """Return the absolute path of the open scene; empty if it was never saved."""
    return str(bpy.data.filepath)


def is_dirty() -> bool:
    """Return whether the scene has changes that are not saved."""
    return bool(bpy.data.is_dirty)


def view_camera() -> str | None:
    """Return the name of the camera that the first 3D view looks through; None if it looks through none."""
    view = next(_views(), None)
    if view is None or view.region_3d is None or view.region_3d.view_perspective != "CAMERA" or view.camera is None:
        return None
    return str(view.camera.name)


def _views() -> "Iterator[bpy.types.SpaceView3D]":
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                yield area.spaces.active
