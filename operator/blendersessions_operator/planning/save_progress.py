"""What is known of the attempts to save what one pod has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class SaveOutcome(StrEnum):
    """How an attempt to save ended."""

    SAVED = "Saved"
    BUSY = "Busy"
    """Blender works, and does not get to a save or must not be interrupted."""
    SILENT = "Silent"
    """The agent did not answer, or its Blender is stuck."""
    REFUSED = "Refused"
    """The agent answered that it cannot save, for instance because the disk is full."""


@dataclass(frozen=True)
class SaveProgress:
    """The attempts to save what one pod has, for one suspension or deletion."""

    running: bool = False
    outcome: SaveOutcome | None = None
    """How the last attempt ended; None before the first end."""
    message: str = ""
    """Why the last attempt did not save."""
    ended_at: datetime | None = None
    row_since: datetime | None = None
    """Beginning of the first attempt in the row that ended alike."""
    row: int = 0
    """Number of attempts in that row."""
    final: bool = False
    """Whether the last attempt asked for a save although Blender works."""
