"""Decides how long a banner is shown."""

from typing import Final

READING_SECONDS: Final = 4.0
"""The banner stays this long after the first input, so that a person who is working can read it."""


class BannerTimeout:
    """The end of a banner's time, which the first input brings forward.

    Args:
        shown_at: when the banner appeared, in seconds on a monotonic clock.
        seconds: the longest time that it is shown.
    """

    def __init__(self, shown_at: float, seconds: float) -> None:
        self._shown_at = shown_at
        self._ends_at = shown_at + seconds

    def is_over(self, now: float, idle_seconds: float) -> bool:
        """Return whether the banner's time is over.

        Args:
            now: seconds on the clock of `shown_at`.
            idle_seconds: seconds since the last input.
        """
        if now - idle_seconds > self._shown_at:
            self._ends_at = min(self._ends_at, now - idle_seconds + READING_SECONDS)
            # Only the first input counts. Later input changes nothing.
            self._shown_at = float("inf")
        return now >= self._ends_at
