"""Reads Blender's own state. Call it on the main thread only: bpy is not safe in other threads."""

from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterator


class DrawCounter:
    """Counts the draws of all editors in all windows.

    A file may open without any 3D view: the Rendering or the Video Editing tab, or one maximised editor.
    """

    def __init__(self) -> None:
        self.draws = 0
        for editor in _editors():
            editor.draw_handler_add(self._drawn, (), "WINDOW", "POST_PIXEL")

    def _drawn(self) -> None:
        self.draws += 1


def version() -> str:
    """Return Blender's version, such as 4.3.2."""
    return "{}.{}.{}".format(*bpy.app.version)


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


def _editors() -> "Iterator[type[bpy.types.Space]]":
    for name in dir(bpy.types):
        kind = getattr(bpy.types, name)
        if name.startswith("Space") and name != "Space" and hasattr(kind, "draw_handler_add"):
            yield kind


def _views() -> "Iterator[bpy.types.SpaceView3D]":
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                yield area.spaces.active
