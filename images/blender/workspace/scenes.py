"""Finds scenes in the home folder."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from workspace.files import is_regular_file
from workspace.names import AUTO_SAVE_FOLDER, RECOVERED_FOLDER

MAX_ENTRIES: Final = 20_000
"""Entries of the home folder that are looked at, so that a huge folder does not hold up the start."""


def newest_scene(home: Path) -> Path | None:
    """Return the .blend file directly in the home folder that was changed last, or None.

    Automatic saves lie in folders of their own and do not count.
    """
    return _newest((home,))


def newest_copy(home: Path) -> Path | None:
    """Return the automatic save that was written last, or None."""
    folders = (home / AUTO_SAVE_FOLDER, home / RECOVERED_FOLDER)
    return _newest(folders)


def written_at(file: Path) -> float:
    """Return when a file was written, in seconds since 1970; 0 if it is gone."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _newest(folders: Iterable[Path]) -> Path | None:
    files = [Path(entry.path) for folder in folders for entry in _entries(folder) if _is_scene(entry)]
    return max(files, key=written_at, default=None)


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            yield from islice(entries, MAX_ENTRIES)
    except OSError:
        return


def _is_scene(entry: "os.DirEntry[str]") -> bool:
    hidden = entry.name.startswith(".")
    return entry.name.endswith(".blend") and not hidden and is_regular_file(Path(entry.path))
