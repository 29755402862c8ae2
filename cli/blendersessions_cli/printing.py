"""What the command prints: columns, documents, and text of others that a terminal must not obey."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Final

import click
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from blendersessions.model.manifest import Manifest

_GAP: Final = "   "
_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REORDERING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Characters that show text in another order than it has (Unicode Standard Annex 9), or nothing."""
_UNITS: Final = ("B", "KB", "MB", "GB", "TB")


def printable(text: str, keep: str = "") -> str:
    """Return a text of others with all characters escaped that a terminal would obey.

    Args:
        text: the text.
        keep: characters that stay all the same.
    """
    return "".join(char if char in keep or not _is_unsafe(char) else _escaped(char) for char in text)


def report(text: str) -> None:
    """Write a message to standard error. Standard output is for what programs read."""
    click.echo(printable(text, keep="\n"), err=True)


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as lines, each cell as wide as its column. An empty cell is a dash."""
    cells = [[printable(cell) or "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def document(content: Manifest, form: str) -> str:
    """Return an object as `json` or `yaml`."""
    if form == "json":
        # These characters stand in texts only, where JSON has escapes for them.
        return printable(json.dumps(content, indent=4, ensure_ascii=False), keep="\n")
    plain = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    if any(_is_unsafe(char) for char in plain if char != "\n"):
        plain = yaml.safe_dump(content, sort_keys=False)
    return str(plain).rstrip("\n")


def size(count: float) -> str:
    """Return a number of bytes for people, in units of 1000: `12.3 MB`."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} B" if unit == 0 else f"{count:.3g} {_UNITS[unit]}"


def age(seconds: float) -> str:
    """Return a time for a column: `5d`, `3h`, `12m`, `4s`."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


def _is_unsafe(char: str) -> bool:
    return char in _REORDERING or unicodedata.category(char) in _UNSAFE_CATEGORIES


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}"
