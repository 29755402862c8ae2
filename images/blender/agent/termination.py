"""Saves the scene and quits Blender after SIGTERM."""

import signal
import sys
from pathlib import Path
from types import FrameType

import bpy

from agent.save_failure import SaveFailed
from agent.saving import save


class TerminationHandler:
    """Handles SIGTERM in Blender's main loop.

    The signal handler only sets a flag, because it may interrupt any Python code. Saving is safe only between two
    events, in a timer.

    Args:
        home: the home folder, which gets a scene that has no file there.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._requested = False
        signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._requested = True

    def quit_if_requested(self) -> None:
        """Save the scene and quit Blender if SIGTERM was received. Call it from a timer."""
        if not self._requested:
            return
        # Blender ticks a few more times before it quits. Those ticks must not save again.
        self._requested = False
        try:
            save(self._home)
        except SaveFailed as error:
            print(error, file=sys.stderr)  # noqa: T201
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
            bpy.ops.wm.quit_blender()
