"""Lists a folder."""

import heapq
import os
import stat
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from agent.files.folders import opened_folder, refusal
from agent.files.names import Parts, is_reachable
from agent.files.ranges import modified_seconds

MAX_LISTED: Final = 10_000
MAX_ENTRIES: Final = 200_000
"""Entries that are looked at, so that a huge folder does not hold up other requests."""


def list_folder(home: Path, parts: Parts) -> dict[str, object]:
    """Return the files and folders that requests may name, sorted by name, and whether there are more.

    Links, pipes and the like are left out.

    Raises:
        Refused: there is no such folder, or it cannot be read.
    """
    with opened_folder(home, parts) as folder:
        try:
            names, is_huge = _names(folder)
        except OSError as error:
            raise refusal(error, parts) from None
        described = (_describe(folder, name) for name in names[:MAX_LISTED])
        files = [each for each in described if each is not None]
    return {"path": "/".join(parts), "files": files, "truncated": is_huge or len(names) > MAX_LISTED}


def _names(folder: int) -> tuple[list[str], bool]:
    """Return the first names, and whether the folder has more entries than are looked at."""
    with os.scandir(folder) as entries:
        looked_at = islice(entries, MAX_ENTRIES)
        names = heapq.nsmallest(MAX_LISTED + 1, (entry.name for entry in looked_at if _is_listed(entry)))
        return names, next(entries, None) is not None


def _is_listed(entry: "os.DirEntry[str]") -> bool:
    return is_reachable(entry.name) and (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False))


def _describe(folder: int, name: str) -> dict[str, object] | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        # It was removed meanwhile.
        return None
    is_folder = stat.S_ISDIR(status.st_mode)
    modified = datetime.fromtimestamp(int(modified_seconds(status)), UTC)
    return {
        "name": name,
        "kind": "folder" if is_folder else "file",
        "bytes": 0 if is_folder else status.st_size,
        "modified": modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
