"""Checks each scene that Blender saves, whoever asked for it, and keeps the former file if the new one is not whole."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from workspace.save_failure import SaveFailed, explain_save_failure
from workspace.whole_files import keep_former, settle


class SaveGuard:
    """Handles the beginning and the end of each save.

    Args:
        notify: shows a text to the person.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._failure: SaveFailed | None = None
        self._is_marked = True

        # Blender keeps persistent handlers only if they are plain functions, not methods.
        def begins(path: str, *_: object) -> None:
            self._failure = None
            keep_former(Path(path))

        def ended(path: str, *_: object) -> None:
            if not settle(Path(path)):
                self._failure = explain_save_failure(Path(path), os.strerror(errno.ENOSPC), None)
                self._is_marked = False
                notify(self._failure.message)

        bpy.app.handlers.save_pre.append(persistent(begins))
        bpy.app.handlers.save_post.append(persistent(ended))

    def raise_failure(self) -> None:
        """Raise `SaveFailed` if the last save left no whole file."""
        if self._failure is not None:
            raise self._failure

    def mark_unsaved(self) -> None:
        """Tell Blender that the scene is not saved, after a save that failed. Call it from a timer."""
        if not self._is_marked:
            self._is_marked = True
            # Blender has no other way to say so.
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                bpy.ops.ed.undo_push(message="Not saved")
