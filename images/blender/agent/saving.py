"""Saves the open scene. Only for the main thread."""

from pathlib import Path

import bpy

from agent.save_failure import explain_save_failure, free_bytes
from workspace.names import save_target


def save(home: Path) -> str:
    """Save the open scene to its own file and return that; a scene that has none gets one in the home folder.

    Blender writes to a file beside it (`NAME.blend@`) and renames that when it is whole, so a save that fails leaves
    the former file. It may run while a render does: the render works on a copy of the scene.

    Raises:
        SaveFailed: with what a person can do about it.
    """
    target = save_target(str(bpy.data.filepath), home)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(target), check_existing=False)
        except RuntimeError as error:
            raise explain_save_failure(target, str(error), free_bytes(target.parent)) from None
    return str(target)
