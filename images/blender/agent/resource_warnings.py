"""Decides when to warn a person that memory or a folder is nearly full."""

from dataclasses import dataclass
from typing import Final

from limits.folders import Fill
from limits.memory import gibibytes

LEVELS: Final = (0.85, 0.95)
"""A person is warned once at each of these parts of the limit."""
_AGAIN_BELOW: Final = 0.1
"""The warning of a level is given again after the use fell this far below it."""


@dataclass(frozen=True)
class Resource:
    """Something that can run out."""

    name: str
    """How the sentence begins: `Memory`, `The home folder`."""
    consequence: str
    """What happens when it is full, and what the person can do, as sentences."""


class FillWarning:
    """Warns once at each level.

    Args:
        resource: what may run out.
    """

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._warned = 0.0

    def check(self, fill: Fill | None) -> str:
        """Return the warning to show now; empty for none.

        Args:
            fill: how full it is; None if that is not known.
        """
        if fill is None:
            return ""
        if fill.ratio < self._warned - _AGAIN_BELOW:
            self._warned = max((level for level in LEVELS if fill.ratio >= level), default=0.0)
        reached = max((level for level in LEVELS if fill.ratio >= level), default=0.0)
        if reached <= self._warned:
            return ""
        self._warned = reached
        return (
            f"{self._resource.name} is nearly full: {gibibytes(fill.used_bytes)} of {gibibytes(fill.limit_bytes)}. "
            f"{self._resource.consequence}"
        )


MEMORY: Final = Resource(
    "The memory",
    "Blender is ended when it is full. Save now. Then make the scene simpler, or start a session with more memory.",
)
WORKSPACE: Final = Resource(
    "The workspace",
    "Nothing can be saved when it is full. "
    "Delete files in the home folder, or ask an administrator for a larger volume.",
)
HOME: Final = Resource(
    "The home folder",
    "The desktop is stopped when it is full, and everything in it is lost. Delete files in the home folder.",
)
TEMPORARY: Final = Resource(
    "The folder /tmp", "The desktop is stopped when it is full. Delete files in /tmp, and write to the home folder."
)
