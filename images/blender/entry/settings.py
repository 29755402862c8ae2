"""The container's inputs, from environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from entry.screen import Screen


@dataclass(frozen=True)
class Settings:
    """What the container is asked to show, and on which screen."""

    scene: str
    """File name of a sample; empty for the empty scene."""
    screen: Screen

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            StartError: a value is not a number or out of range.
        """
        return cls(scene=environment.get("BLENDER_SCENE", ""), screen=Screen.from_environment(environment))
