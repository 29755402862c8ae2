"""The desktop's screen: read from environment variables, and written as arguments of the X server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from entry.errors import StartError

_SIZE_RANGE = range(1, 32768)
_DEPTHS = (8, 16, 24)
# Xvnc has no screen of 8 bits. It converts the picture for a viewer that asks for 8.
_SMALLEST_DEPTH = 16


@dataclass(frozen=True)
class Screen:
    """The screen's size in pixels, and its bits per pixel."""

    width: int
    height: int
    depth: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the screen.

        Raises:
            StartError: a value is not a number or out of range.
        """
        depth = _number(environment, "BLENDER_DEPTH", 24)
        if depth not in _DEPTHS:
            raise StartError("DisplayFailed", f"BLENDER_DEPTH is {depth}. It has to be 8, 16 or 24.")
        return cls(
            width=_size(environment, "BLENDER_WIDTH", 1280),
            height=_size(environment, "BLENDER_HEIGHT", 720),
            depth=depth,
        )

    @property
    def server_arguments(self) -> list[str]:
        """Arguments of Xvnc."""
        return ["-geometry", f"{self.width}x{self.height}", "-depth", str(max(self.depth, _SMALLEST_DEPTH))]


def _size(environment: Mapping[str, str], name: str, default: int) -> int:
    value = _number(environment, name, default)
    if value not in _SIZE_RANGE:
        raise StartError("DisplayFailed", f"{name} is {value}. It has to be between 1 and {_SIZE_RANGE[-1]} pixels.")
    return value


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    try:
        return int(text)
    except ValueError:
        raise StartError("DisplayFailed", f"{name} is {text!r}. It has to be a whole number.") from None
