"""Decides whether a Blender can open a .blend."""

from dataclasses import dataclass
from typing import Final

from scene.failure import Reason, SceneRefused
from scene.header import FileVersion, Header, Version

NO_BIG_ENDIAN_SINCE: Final = (5, 0, 0)


@dataclass(frozen=True)
class BlenderVersion:
    """The Blender of this desktop."""

    text: str
    """As people write it: `4.3.2`."""
    file: FileVersion
    """`bpy.app.version_file`: what is compared with files."""


def check_version(name: str, header: Header, blender: BlenderVersion) -> str:
    """Return a warning for the person if a file is of a newer Blender that can still be opened; else nothing.

    Blender opens files of newer versions, and drops what it does not know, unless they say that it must not.

    Args:
        name: the file's name, for the message.
        header: the file's header.
        blender: the Blender that will open it.

    Raises:
        SceneRefused: this Blender cannot open it.
    """
    if header.oldest_reader > blender.file or not header.is_known:
        needs = _write(header.oldest_reader[:2])
        raise SceneRefused(
            Reason.TOO_NEW,
            f"{name} was saved by Blender {_write(header.version)} and needs Blender {needs} or newer. This "
            f"desktop has Blender {blender.text}.",
            needs,
        )
    if not header.little_endian and blender.file >= NO_BIG_ENDIAN_SINCE:
        raise SceneRefused(
            Reason.UNREADABLE,
            f"{name} was saved on a big-endian computer, which Blender 5.0 and newer cannot read. Open it in Blender "
            "4.5 or older and save it again.",
        )
    if header.version > blender.file[:2]:
        return (
            f"{name} was saved by Blender {_write(header.version)}. This desktop has Blender {blender.text}: what that "
            "does not know is lost when the scene is saved."
        )
    return ""


def _write(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
