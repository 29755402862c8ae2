"""How far a desktop of a pool is with the scene of the session that has taken it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Opening:
    """How far a desktop of a pool is with the scene of the session that has taken it."""

    running: bool = True
    failure: str = ""
    """Why it was not opened; empty if it was, or is being opened."""

    @property
    def done(self) -> bool:
        """Whether the scene is on screen."""
        return not self.running and not self.failure
