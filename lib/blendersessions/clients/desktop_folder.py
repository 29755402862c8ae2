"""What a folder of a desktop holds, as the agent lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from blendersessions.model.fields import foreign_object, foreign_text, moment, number

if TYPE_CHECKING:
    from datetime import datetime

MAX_BYTES: Final = 2**23
"""A longer answer is no list of the 10,000 entries that an agent sends at most."""
MAX_PATH_CHARACTERS: Final = 4096
_MAX_NAME_CHARACTERS: Final = 255


class FolderEntry(NamedTuple):
    """A file or a folder in a listed folder."""

    name: str
    """One part of a path, never `.` or `..`. It may hold any character but a slash and NUL."""
    is_folder: bool
    bytes: int
    modified: datetime | None


class Folder(NamedTuple):
    """What a folder of the desktop holds."""

    path: str
    entries: tuple[FolderEntry, ...]
    truncated: bool
    """Whether the folder holds more than an agent lists."""


def read_folder(text: bytes) -> Folder | None:
    """Read an agent's list; None if it is not one. An entry that is none is passed over."""
    found = foreign_object(text) if len(text) <= MAX_BYTES else {}
    entries = found.get("files")
    if not isinstance(entries, list):
        return None
    read = (_entry(entry) for entry in entries)
    return Folder(
        foreign_text(found.get("path"), MAX_PATH_CHARACTERS),
        tuple(entry for entry in read if entry is not None),
        found.get("truncated") is True,
    )


def _entry(value: object) -> FolderEntry | None:
    """Read an entry of a list; None if it is not one, or its name is no part of a path."""
    if not isinstance(value, dict):
        return None
    name = foreign_text(value.get("name"), _MAX_NAME_CHARACTERS + 1)
    if name in ("", ".", "..") or "/" in name or "\0" in name or len(name) > _MAX_NAME_CHARACTERS:
        return None
    is_folder, modified = value.get("kind") == "folder", moment(value.get("modified"))
    return FolderEntry(name, is_folder, number(value.get("bytes")) or 0, modified)
