"""Saves the scene when the container is asked to end, then quits Blender in order."""

import signal
import sys
from pathlib import Path
from types import FrameType

import bpy

from agent.save_failure import SaveFailed
from agent.saving import save


class TerminationHandler:
    """Remembers that SIGTERM came, until the main loop can act on it.

    The handler itself only sets a flag: it may run in the middle of any Python code, and saving is only safe between
    two events, in a timer.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._requested = False
        signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._requested = True

    def quit_if_requested(self) -> None:
        """Save the scene and quit, if SIGTERM came. For a timer."""
        if not self._requested:
            return
        # Quitting takes a few more turns of the main loop, and with them ticks.
        self._requested = False
        try:
            save(self._home)
        except SaveFailed as error:
            print(error, file=sys.stderr)  # noqa: T201
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
            bpy.ops.wm.quit_blender()
