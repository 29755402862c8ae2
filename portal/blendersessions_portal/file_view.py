"""A folder of a session's desktop as the pages show it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.clients.desktop_folder import FolderEntry

ROWS: Final = 200
"""Rows of one page. A folder may have thousands of files."""
_WITH_THUMBNAIL: Final = (".blend", ".png", ".jpg", ".jpeg")
"""How the names of files end that may have a picture, as docs/interfaces.md says."""
_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")


@dataclass(frozen=True)
class FileRow:
    """One file or folder in words, as the templates show it."""

    name: str
    path: str
    folder: bool
    size: str
    modified: str
    modified_words: str
    href: str
    """Where a folder's page is, or the file itself."""
    thumbnail: str
    """Where the file's picture is, if it has one; empty for a file that has none, and for a folder."""


@dataclass(frozen=True)
class Crumb:
    """One folder above the one that is shown."""

    name: str
    href: str


@dataclass(frozen=True)
class FolderView:
    """One page of a folder."""

    path: str
    crumbs: tuple[Crumb, ...]
    """From the home folder down to the folder itself."""
    rows: tuple[FileRow, ...]
    count: int
    first: int
    """Number of the first row, counted from 1; 0 in an empty folder."""
    before: str
    """Where the rows before these are; empty if there are none."""
    after: str
    more: bool
    """Whether the folder has more than the agent lists."""
    archive: str
    """Where the folder is as one .zip."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.crumbs[-1].name

    @property
    def last(self) -> int:
        """Number of the last row."""
        return self.first + len(self.rows) - 1


def folder_view(session: str, path: str, files: Sequence[FolderEntry], page: int, *, more: bool) -> FolderView:
    """Return one page of a folder.

    Args:
        session: the session's name.
        path: the folder below the home folder; empty for the home folder itself.
        files: what is in it.
        page: counted from 1. A page beyond the last one is the last one.
        more: whether the folder has more than the agent listed.
    """
    base = f"/sessions/{session}/files"
    ordered = sorted(files, key=lambda entry: not entry.is_folder)
    last_page = max(1, -(-len(ordered) // ROWS))
    page = min(max(page, 1), last_page)
    shown = ordered[(page - 1) * ROWS : page * ROWS]
    parts = [part for part in path.split("/") if part]
    above = (Crumb(part, _page(base, "/".join(parts[: depth + 1]))) for depth, part in enumerate(parts))
    return FolderView(
        path="/".join(parts),
        crumbs=(Crumb("Home folder", base), *above),
        rows=tuple(_row(base, parts, entry) for entry in shown),
        count=len(ordered),
        first=(page - 1) * ROWS + 1 if ordered else 0,
        before=_page(base, "/".join(parts), page - 1) if page > 1 else "",
        after=_page(base, "/".join(parts), page + 1) if page < last_page else "",
        more=more,
        archive=f"/sessions/{session}/archive?{urlencode({'path': '/'.join(parts)})}",
    )


def size(count: int) -> str:
    """Return a number of bytes in the largest unit that fits, as file managers do: 1 MB is 1,000,000 bytes."""
    amount, unit = float(count), 0
    while round(amount) >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    if not unit:
        return f"{count} byte{'' if count == 1 else 's'}"
    return f"{amount:.0f} {_UNITS[unit]}" if amount >= 10 else f"{amount:.1f} {_UNITS[unit]}"


def folder_href(session: str, path: str) -> str:
    """Return where the page of a folder is."""
    return _page(f"/sessions/{session}/files", path)


def _row(base: str, parts: list[str], entry: FolderEntry) -> FileRow:
    path = "/".join((*parts, entry.name))
    at = entry.modified
    return FileRow(
        name=entry.name,
        path=path,
        folder=entry.is_folder,
        size="" if entry.is_folder else size(entry.bytes),
        modified=at.isoformat() if at else "",
        modified_words=f"{at:%Y-%m-%d %H:%M} UTC" if at else "",
        href=_page(base, path) if entry.is_folder else f"{base}/{quote(path)}",
        thumbnail="" if entry.is_folder else _thumbnail(base, path),
    )


def _thumbnail(base: str, path: str) -> str:
    has_one = path.lower().endswith(_WITH_THUMBNAIL)
    return f"{base.removesuffix('/files')}/thumbnail/{quote(path)}" if has_one else ""


def _page(base: str, path: str, page: int = 1) -> str:
    query = ({"path": path} if path else {}) | ({"page": str(page)} if page > 1 else {})
    return f"{base}?{urlencode(query)}" if query else base
