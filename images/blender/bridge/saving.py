"""Saves what a person made. Call it on the main thread only."""

import sys
from pathlib import Path

import bpy

from bridge.images import keep_changed_images
from bridge.jobs import is_baking
from bridge.operators import call
from bridge.preferences import save_preferences
from bridge.save_guard import SaveGuard
from workspace.names import save_target
from workspace.save_failure import CANNOT_SAVE_NOW, SaveFailed, explain_save_failure, free_bytes


def save(home: Path, guard: SaveGuard, *, during_bake: bool = False) -> str:
    """Save changed images, the preferences and the open scene, and return the absolute path of the scene's file.

    A scene outside the home folder, or without a file, gets a new file in the home folder. Blender writes to
    `NAME.blend@` and renames it when it is complete, so that a failed save leaves the former file unchanged. Saving
    works during a render, because the render works on a copy of the scene.

    Args:
        home: the home folder.
        guard: checks the file.
        during_bake: whether to save even while a bake changes the scene in another thread. It nearly always works, and
            Blender may crash. So it is for the end only, when all would be lost without it.

    Raises:
        SaveFailed: Blender could not write the scene. The message includes what a person can do.
    """
    if is_baking() and not during_bake:
        raise SaveFailed(CANNOT_SAVE_NOW, "Blender cannot save during a bake. Try again.")
    # Before the scene, because images without a file are packed into it.
    lost = keep_changed_images(home)
    if lost:
        print(f"Changes of these images could not be kept: {', '.join(lost)}.", file=sys.stderr)  # noqa: T201
    try:
        save_preferences()
    except RuntimeError as error:
        print(f"The preferences were not saved: {error}", file=sys.stderr)  # noqa: T201
    target = save_target(str(bpy.data.filepath), home)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        try:
            call("wm.save_as_mainfile", filepath=str(target), check_existing=False)
        except RuntimeError as error:
            raise explain_save_failure(target, str(error), free_bytes(target.parent)) from None
    guard.raise_failure()
    return str(target)
