"""A clock that stands still until a test moves it on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Gives the time in seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now
