"""What an agent says of the scene that it brings into a desktop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class SceneReport:
    """The last answer of an agent about its scene and its Blender."""

    asked_at: datetime
    ready: bool = False
    """Whether the scene is on screen."""
    reason: str = ""
    """Why it is not, in one word of the agent's; empty when it was opened."""
    message: str = ""
    """The same in a sentence. One that differs from the former one only in how far the scene is may come late."""
    needs: str = ""
    """The oldest Blender that opens the scene, if it is too new; else empty."""
    told_at: datetime | None = None
    """Since when `message` is as it is."""
    scene: str = ""
    """Name of the file that is open; empty if none is."""
    blender_version: str = ""
