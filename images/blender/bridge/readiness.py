"""Decides from ticks and draws when the scene is on screen.

Blender has no event for it, so the decision rests on three facts. A draw handler of an editor runs inside a draw. The
frame reaches the X server before the next tick of a timer. After a start or an open, Blender draws several times (it
maximises the window, lays out panels, loads materials) before the picture is complete.
"""

from dataclasses import dataclass
from typing import Final

SETTLE_SECONDS: Final = 0.25
"""The picture is complete when nothing was drawn for this long."""
NO_DRAW_SECONDS: Final = 2.0
"""A window whose editors draw nothing counts as on screen this long after the first tick."""
MAX_DRAWING_SECONDS: Final = 5.0
"""A scene that never stops drawing (a playing animation) counts as on screen this long after its first draw."""


@dataclass(frozen=True)
class Readiness:
    """Whether the scene is on screen, with the reason."""

    ready: bool
    reason: str
    """One word for programs: `BlenderStarting`, `SceneDrawing` or `SceneOnScreen`."""
    message: str
    """A sentence for people."""


STARTING: Final = Readiness(False, "BlenderStarting", "Blender has not drawn its window yet.")
DRAWING: Final = Readiness(False, "SceneDrawing", "Blender is still drawing the scene for the first time.")
ON_SCREEN: Final = Readiness(True, "SceneOnScreen", "The scene is on screen.")


class ReadinessTracker:
    """Computes the readiness from one observation per tick. It stays ready until another scene is opened."""

    def __init__(self) -> None:
        self._current = STARTING
        self._first_tick_at: float | None = None
        self._draws_before = 0
        self._draws = 0
        self._first_draw_at = 0.0
        self._last_draw_at = 0.0

    def restart(self, now: float, draws: int) -> None:
        """Begin again, because another scene was opened.

        Args:
            now: seconds on a monotonic clock.
            draws: draws of all editors since the start.
        """
        self._current = DRAWING
        self._first_tick_at = now
        self._draws_before = draws
        self._draws = 0

    def tick(self, now: float, draws: int) -> Readiness:
        """Return the readiness at this tick.

        Args:
            now: seconds on a monotonic clock.
            draws: draws of all editors since the start.
        """
        if self._first_tick_at is None:
            self._first_tick_at = now
        if self._current.ready:
            return self._current
        draws -= self._draws_before
        if draws == 0:
            # Between two ticks Blender updates its windows, so a window without a draw has nothing to draw.
            if now - self._first_tick_at >= NO_DRAW_SECONDS:
                self._current = ON_SCREEN
            return self._current
        if self._draws == 0:
            self._first_draw_at = now
        if draws != self._draws:
            self._draws = draws
            self._last_draw_at = now
        settled = now - self._last_draw_at >= SETTLE_SECONDS
        is_overdue = now - self._first_draw_at >= MAX_DRAWING_SECONDS
        self._current = ON_SCREEN if settled or is_overdue else DRAWING
        return self._current
