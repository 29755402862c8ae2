"""Makes a file name from one that came from outside."""

import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from workspace.text import is_text

MAX_NAME_BYTES: Final = 200
"""A longer name would leave no room for a number, or for Blender's `NAME.blend1`."""
BLEND: Final = ".blend"
ZIP: Final = ".zip"
SHOWN_CHARACTERS: Final = 80
"""The longest name in a sentence."""
SHOWN_NAMES: Final = 5
"""Names in a sentence. Of the others, the number is told."""


def printable(text: str) -> str:
    """Return a text without what cannot be printed, or would change how the rest looks. Every script can be printed."""
    return "".join(filter(is_text, text))


def shown_name(name: str) -> str:
    """Return a name from outside as a sentence has it: what can be printed of it, and no more than fits there."""
    shown = printable(name)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}..."


def safe_name(name: str, suffix: str) -> str:
    """Return a file name that is safe in the home folder: no folder, nothing hidden, nothing that cannot be printed.

    Args:
        name: a name in any script. It may have a path before it, of any system.
        suffix: what the name must end with; it is added if it is missing. A folder's is empty.
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    plain = printable(unicodedata.normalize("NFC", last)).strip()
    stem = plain[: len(plain) - len(suffix)] if plain.lower().endswith(suffix) else plain
    cut = stem.lstrip(". ").encode(errors="ignore")[:MAX_NAME_BYTES].decode(errors="ignore").strip()
    return f"{cut or 'scene'}{suffix}"


def is_blend(name: str) -> bool:
    """Return whether a name is that of a scene. Blender's own copies, such as `NAME.blend1`, are none."""
    return PurePosixPath(name).suffix.lower() == BLEND and not PurePosixPath(name).name.startswith(".")


def sentence_list(names: Sequence[str], count: int | None = None) -> str:
    """Write names as people do: `a, b and c`, or `a, b, c, d, e and 12 more`.

    Args:
        names: all names, or the first of them.
        count: how many there are; None if these are all.
    """
    shown = [printable(name) for name in names[:SHOWN_NAMES]]
    left = (len(names) if count is None else count) - len(shown)
    if left > 0:
        return f"{', '.join(shown)} and {left} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
