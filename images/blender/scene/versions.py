"""Decides whether a Blender can open a .blend."""

from dataclasses import dataclass
from typing import Final

from scene.blocks import Version
from scene.failure import Reason, SceneRefused
from scene.header import FileVersion, Header

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
    if header.is_known and header.oldest_reader > blender.file and header.oldest_reader[:2] == blender.file[:2]:
        raise _of_development(name, header, blender)
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


def _of_development(name: str, header: Header, blender: BlenderVersion) -> SceneRefused:
    """Return the refusal of a file that needs more than the release of this version has: only a later one reads it."""
    version = _write(blender.file[:2])
    if header.version > blender.file[:2]:
        # The file was made after the release, by one that surely reads it.
        needs = _write(header.version)
        return SceneRefused(
            Reason.TOO_NEW,
            f"{name} was saved by Blender {needs}, and needs what came after this desktop's Blender {blender.text}. "
            f"Blender {needs} opens it.",
            needs,
        )
    major, minor = blender.file[:2]
    return SceneRefused(
        Reason.TOO_NEW,
        f"{name} was saved by a development version of Blender {version}, and this desktop has the release "
        f"{blender.text}, which cannot read it. Blender {version} of a later date may open it, and releases after "
        f"{version} do.",
        _write((major, minor + 1)),
    )


def _write(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
