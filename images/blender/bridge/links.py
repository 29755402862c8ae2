"""Finds the files that a scene links to and that are not there. Call it on the main thread only."""

import os
import re
from itertools import islice
from pathlib import Path
from typing import Final

import bpy

MAX_PATHS: Final = 5000
"""Links that are looked at, so that a huge scene does not hold up Blender."""
_TILE: Final = re.compile(r"<(UDIM|UVTILE)>")
_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def missing_links() -> list[str]:
    """Return the names of the libraries, images and other files that the open scene links to and that do not exist."""
    paths = islice(bpy.utils.blend_paths(absolute=True, packed=False, local=False), MAX_PATHS)
    names = {_name(path) for path in paths if path and not _exists(path)}
    return sorted(name for name in names if name)


def _exists(path: str) -> bool:
    if _WINDOWS.match(path):
        return False
    if _TILE.search(path) is None:
        return os.path.lexists(path)
    # One tile is enough: nobody can tell how many there should be.
    name = Path(path).name
    pattern = re.compile(_TILE.sub(".*", re.escape(name).replace(r"\<", "<").replace(r"\>", ">")))
    try:
        with os.scandir(Path(path).parent) as entries:
            return any(pattern.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


def _name(path: str) -> str:
    last = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())
