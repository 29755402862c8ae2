"""Decides whether something goes on in Blender that must not be interrupted, with nobody at the mouse."""

import math
from dataclasses import dataclass
from typing import Final

from agent.blender import BlenderState
from agent.process import WINDOW_SECONDS, Activity

BUSY_SECONDS: Final = 5.0
"""Blender counts as busy when its main loop has not run for this long."""
STUCK_SECONDS: Final = 60.0
"""A busy Blender whose process does nothing counts as stuck after this long."""
WORKING_CORES: Final = 0.05
WORKING_BYTES: Final = 64 * 1024
"""A busy Blender works if its process uses at least this much of a core, or transfers at least this many bytes."""
COMPUTING_CORES: Final = 0.5
"""A Blender whose main loop runs computes something in the background if it uses at least this much of a core."""
SLEEPLESS: Final = 0.9
"""It computes, too, if one of its threads ran or waited for a processor for at least this part of the time. On a
crowded node it may get less than `COMPUTING_CORES`, and even less than `WORKING_CORES`."""
RECENT_SECONDS: Final = 30.0
"""Work counts for this long after its end. Otherwise a client that asks every few seconds would miss a row of short
operations and see an idle desktop."""
_SENTENCES: Final = {
    "Render": "A render has run for {}.",
    "Bake": "A bake has run for {}.",
    "Simulation": "Blender has computed in the background for {}.",
    "Operation": "An operation has kept Blender busy for {}.",
}


@dataclass(frozen=True)
class Work:
    """What goes on in Blender."""

    kind: str = ""
    """`Render`, `Bake`, `Simulation` (any computation in the background) or `Operation`; empty for none."""
    seconds: float = 0.0
    """For how long it has been going on."""
    message: str = ""
    """A sentence for people."""
    stuck: bool = False
    """Whether Blender's main loop has not run for `STUCK_SECONDS` and its process does nothing."""


class WorkTracker:
    """Computes the work from one observation a second."""

    def __init__(self) -> None:
        self._kind = ""
        self._since = 0.0
        self._seen_at = 0.0
        self._draws = 0
        self._drawn_at = -math.inf
        self.current = Work()

    def observe(self, now: float, state: BlenderState, silent_seconds: float, activity: Activity) -> None:
        """Compute the work at this time.

        Args:
            now: seconds on a monotonic clock.
            state: the last report of the bridge.
            silent_seconds: time since the last report.
            activity: what Blender's process did lately.
        """
        if state.draws != self._draws:
            self._draws, self._drawn_at = state.draws, now
        is_drawing = state.playing or now - self._drawn_at < WINDOW_SECONDS
        kind = _classify(state, silent_seconds, activity, is_drawing=is_drawing)
        if kind:
            if not self._kind:
                self._since = now - (silent_seconds if kind == "Operation" else 0.0)
            self._kind, self._seen_at = kind, now
        elif self._kind and now - self._seen_at >= RECENT_SECONDS:
            self._kind = ""
        if self._kind:
            seconds = max(0.0, self._seen_at - self._since)
            self.current = Work(self._kind, seconds, _SENTENCES[self._kind].format(_write(seconds)))
        elif silent_seconds >= STUCK_SECONDS:
            message = f"Blender has not responded for {_write(silent_seconds)}, and its process does nothing."
            self.current = Work(message=message, stuck=True)
        else:
            self.current = Work()


def _classify(state: BlenderState, silent_seconds: float, activity: Activity, *, is_drawing: bool) -> str:
    is_sleepless = activity.busiest_thread >= SLEEPLESS
    works = is_sleepless or activity.cores >= WORKING_CORES or activity.transferred_bytes >= WORKING_BYTES
    if silent_seconds >= STUCK_SECONDS and not works:
        # The last report may speak of a render that will never end.
        return ""
    if state.rendering:
        return "Render"
    if state.baking:
        return "Bake"
    if silent_seconds >= BUSY_SECONDS:
        return "Operation" if works else ""
    # Playing an animation, or drawing the view again and again, takes processor time and is no work.
    computes = state.ready and (is_sleepless or activity.cores >= COMPUTING_CORES)
    return "Simulation" if computes and not is_drawing else ""


def _write(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"
