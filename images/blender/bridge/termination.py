"""Saves everything and quits Blender after SIGTERM."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

import bpy

from bridge.jobs import is_baking
from bridge.operators import call
from workspace.save_failure import SaveFailed


class TerminationHandler:
    """Handles SIGTERM in Blender's main loop.

    The signal handler only sets a flag, because it may interrupt any Python code. Saving is safe only between two
    events, in a timer.

    Args:
        save: saves the scene; raises `SaveFailed`.
    """

    def __init__(self, save: Callable[[], str]) -> None:
        self._save = save
        self._requested = False
        signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._requested = True

    def quit_if_requested(self) -> None:
        """Save the scene and quit Blender if SIGTERM was received. Call it from a timer."""
        if not self._requested:
            return
        try:
            self._save()
        except SaveFailed as error:
            print(error, file=sys.stderr)  # noqa: T201
        # Blender ticks a few more times before it quits. Those ticks must not save again.
        self._requested = False
        if is_baking():
            # In order, Blender would wait for the bake's thread, and that thread for Python's lock.
            os._exit(0)
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
            call("wm.quit_blender")
