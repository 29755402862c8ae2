"""Makes .zip files, also such as no archiver makes."""

from __future__ import annotations

import io
import stat
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Entry = tuple[str | zipfile.ZipInfo, bytes]


def zipped(*entries: Entry, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive with these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def special(name: str, kind: int) -> zipfile.ZipInfo:
    """Return an entry that is a link, a device or the like."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o644) << 16
    return info


def link(name: str) -> zipfile.ZipInfo:
    """Return an entry that is a link."""
    return special(name, stat.S_IFLNK)


def names_below(folder: Path) -> list[str]:
    """Return the files below a folder, as paths in it."""
    found: Iterable[Path] = folder.rglob("*")
    return sorted(str(path.relative_to(folder)) for path in found if not path.is_dir())
