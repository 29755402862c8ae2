"""Decides how long a banner stays."""

from typing import Final

READING_SECONDS: Final = 4.0
"""It stays this long after the first input: who is working, or has just come in, has to see it too."""


class BannerTimeout:
    """A banner's time, from one look at the clocks to the next."""

    def __init__(self, shown_at: float, seconds: float) -> None:
        self._shown_at = shown_at
        self._ends_at = shown_at + seconds

    def is_over(self, now: float, idle_seconds: float) -> bool:
        """Tell whether the banner has to go.

        Args:
            now: seconds on a clock that never goes back.
            idle_seconds: seconds since the last input.
        """
        if now - idle_seconds > self._shown_at:
            self._ends_at = min(self._ends_at, now - idle_seconds + READING_SECONDS)
            # Only the first input counts: further ones cannot put the end off, nor do they hasten it.
            self._shown_at = float("inf")
        return now >= self._ends_at
