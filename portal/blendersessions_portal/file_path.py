"""The path of a file in a session's home folder, as addresses have it. Pure."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from blendersessions.model.errors import NotFound, System


def checked_path(path: str) -> str:
    """Return a path below the home folder, without empty parts.

    Raises:
        NotFound: it leads elsewhere, to a hidden file, or has a control character.
    """
    parts = [part for part in path.split("/") if part]
    if any(part.startswith(".") or any(unicodedata.category(each) == "Cc" for each in part) for part in parts):
        raise NotFound(f"There is no file “{quote(path)[:200]}”. Names do not begin with a dot.", System.AGENT)
    return "/".join(parts)
