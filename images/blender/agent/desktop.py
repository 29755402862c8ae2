"""Reads and sets Blender's own state. Only for the main thread: bpy is not safe in any other."""

from pathlib import Path
from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterator


def apply_preferences() -> None:
    """Set what differs from factory settings for a desktop that somebody opens in a browser."""
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.filepaths.use_auto_save_temporary_files = True
    preferences.filepaths.auto_save_time = 2
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


def open_scene() -> str:
    """Return the file name of the open scene, empty if it was never saved."""
    return Path(bpy.data.filepath).name


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
