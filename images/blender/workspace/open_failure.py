"""Why Blender did not open a scene."""

from dataclasses import dataclass
from typing import Final

BUSY: Final = 409
"""HTTP status of an open while a render or a bake runs."""
UNREADABLE: Final = 415
"""HTTP status of an open of a file that Blender cannot read."""


@dataclass
class OpenFailed(Exception):  # noqa: N818 - named after what happened
    """A scene was not opened. What was open before is still open."""

    status: int
    """HTTP status: 409 while a render runs, 415 if Blender cannot read the file, else that of the save before."""
    message: str

    def __str__(self) -> str:
        return self.message
