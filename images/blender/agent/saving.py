"""Saves the open scene. Call it on the main thread only."""

from pathlib import Path

import bpy

from agent.save_failure import explain_save_failure, free_bytes
from workspace.names import save_target


def save(home: Path) -> str:
    """Save the open scene and return the absolute path of its file.

    A scene outside the home folder, or without a file, gets a new file in the home folder. Blender writes to
    `NAME.blend@` and renames it when it is complete, so that a failed save leaves the former file unchanged. Saving
    works during a render, because the render works on a copy of the scene.

    Raises:
        SaveFailed: Blender could not write the file. The message includes what a person can do.
    """
    target = save_target(str(bpy.data.filepath), home)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(target), check_existing=False)
        except RuntimeError as error:
            raise explain_save_failure(target, str(error), free_bytes(target.parent)) from None
    return str(target)
