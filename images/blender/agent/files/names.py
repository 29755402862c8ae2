"""Reads the names that requests give to files: no way out of the home folder, nothing hidden, any script."""

import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

from agent.messages import Refused
from workspace.text import is_text

MAX_NAME_BYTES: Final = 255
"""What Linux's file systems allow."""
MAX_PATH_BYTES: Final = 2048
"""Half of what Linux allows for a whole path, so that every program in the desktop can open the file."""
_UNFINISHED: Final = ".blend@"
"""How the name of a scene ends while Blender still writes it."""

Parts = tuple[str, ...]
"""A path below the home folder: the folders and the name. Empty for the home folder itself."""


def read_path(encoded: str) -> Parts:
    """Read a percent-encoded path below the home folder; empty for the home folder itself.

    Raises:
        Refused: the path is no UTF-8, or has a part that no request may name.
    """
    try:
        text = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        raise Refused(400, "The path must be percent-encoded UTF-8.") from None
    if not text:
        return ()
    if len(text.encode()) > MAX_PATH_BYTES:
        raise Refused(400, f"The path is too long. It may have at most {MAX_PATH_BYTES} bytes in UTF-8.")
    parts = tuple(text.split("/"))
    for part in parts:
        if fault := fault_of(part):
            raise Refused(400, fault)
    return parts


def fault_of(name: str) -> str:
    """Return why no request may name this file or folder, or an empty text if one may."""
    if not name:
        return "The path has an empty part. Write it as FOLDER/NAME, without a slash at either end."
    if not all(is_text(character) for character in name):
        return "A name may not have control characters, nor any that turn the direction of the text."
    if name.startswith("."):
        return f"{name} begins with a dot. Hidden files and the folder above cannot be reached."
    if name.lower().endswith(_UNFINISHED):
        return f"{name} is the name of a scene that Blender still writes. Wait until the save is over."
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"The name {name[:20]}… is too long. It may have at most {MAX_NAME_BYTES} bytes in UTF-8."
    return ""


def is_private(name: str) -> bool:
    """Return whether a file or folder is hidden, or is a scene that Blender still writes."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def is_reachable(name: str) -> bool:
    """Return whether a request may name this file or folder."""
    return not fault_of(name)


def composed(name: str) -> str:
    """Return a name in the form in which new files are written: Unicode's NFC, which most systems show and compare."""
    return unicodedata.normalize("NFC", name)
