"""Applies the preferences of a desktop in a browser on top of the person's own, and keeps theirs."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import bpy
import gpu

from bridge.operators import call
from workspace.names import AUTO_SAVE_FOLDER

_AUTO_SAVE_MINUTES: Final = 2
"""A crash loses at most the changes of this period."""


def apply_preferences(home: Path, environment: Mapping[str, str], *, first: bool) -> None:
    """Change the preferences that a desktop in a browser needs. All others are the person's.

    Args:
        home: the home folder, which gets the automatic saves.
        environment: holds what the session's `spec.input` asks for.
        first: whether the person has not saved preferences yet.
    """
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    # A preview compiles shaders for seconds at the first save, and that save is often the one before the pod stops.
    preferences.filepaths.file_preview_type = "NONE"
    preferences.filepaths.use_auto_save_temporary_files = True
    preferences.filepaths.auto_save_time = _AUTO_SAVE_MINUTES
    _set_temporary_folder(home / AUTO_SAVE_FOLDER)
    # Anybody may have made a .blend file, so its scripts do not run by themselves.
    preferences.filepaths.use_scripts_auto_execute = False
    # Neither the class's preferences nor its extensions reach out by themselves. A person may allow it in each run.
    preferences.system.use_online_access = False
    if first and _draws_by_software():
        # A person waits for each draw. FXAA takes half as long again, and the default draws a view at rest eight times.
        preferences.system.viewport_aa = "OFF"
    for variable, name in (
        ("BLENDER_EMULATE_MIDDLE_BUTTON", "use_mouse_emulate_3_button"),
        ("BLENDER_EMULATE_NUMPAD", "use_emulate_numpad"),
    ):
        if environment.get(variable):
            setattr(preferences.inputs, name, environment[variable] == "true")


def forget_own_changes() -> None:
    """Have what this start changed count as saved, so that only a change of the person's makes the file theirs."""
    bpy.context.preferences.is_dirty = False


def save_preferences() -> None:
    """Save the preferences if they have changes, unless this start uses the factory's in place of the person's.

    Raises:
        RuntimeError: Blender could not write them.
    """
    if bpy.context.preferences.is_dirty and not bpy.app.factory_startup:
        call("wm.save_userpref")


def has_saved_preferences() -> bool:
    """Return whether the person has saved preferences."""
    folder = os.environ.get("BLENDER_USER_CONFIG", "")
    return bool(folder) and (Path(folder) / "userpref.blend").is_file()


def _draws_by_software() -> bool:
    """Return whether Mesa draws on the processor, as it does without a GPU."""
    return "llvmpipe" in gpu.platform.renderer_get()


def _set_temporary_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
        # Crashed runs leave their working folders. The automatic saves are files beside them and stay.
        for left in folder.glob("blender_*/"):
            shutil.rmtree(left, ignore_errors=True)
        bpy.context.preferences.filepaths.temporary_directory = str(folder)
    except OSError as error:
        print(f"Automatic saves go to /tmp and are lost with the pod: {error}", file=sys.stderr)  # noqa: T201
