"""Why a scene was not brought in."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a scene is not open, in one word for programs."""

    FETCHING = "SceneFetching"
    AWAITING_UPLOAD = "AwaitingUpload"
    UNREACHABLE = "SceneUnreachable"
    TOO_LARGE = "SceneTooLarge"
    NO_ROOM = "NoRoomForScene"
    CHECKSUM_MISMATCH = "SceneChecksumMismatch"
    UNREADABLE = "SceneUnreadable"
    TOO_NEW = "SceneTooNew"
    NOT_FOUND = "SceneNotFound"
    UPLOAD_TIMED_OUT = "UploadTimedOut"


@dataclass
class SceneRefused(Exception):  # noqa: N818 - named after what happened
    """A scene cannot be opened, and another try would end in the same way."""

    reason: Reason
    message: str
    """Sentences for people: what is wrong, and the way out."""
    needs: str = ""
    """The oldest Blender that opens it, such as `5.0`; empty if another Blender does not help."""

    def __str__(self) -> str:
        return self.message
