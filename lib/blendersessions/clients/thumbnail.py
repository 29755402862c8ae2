"""A small picture that a desktop sends.

A desktop belongs to a person who may make it send anything. So only pictures get through that browsers show without
running a script, and their first bytes decide. SVG is none of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 96 * 1024
"""More than the 60 KiB of an agent's largest picture."""
_KINDS: Final = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/webp", re.compile(rb"RIFF....WEBPVP8[ LX]", re.DOTALL)),
)
_ETAG: Final = re.compile(r'(?:W/)?"[!#-~]{0,100}"')
"""RFC 9110, section 8.8.3, without what is not ASCII."""


@dataclass(frozen=True)
class Thumbnail:
    """A picture.

    Attributes:
        content: its bytes, at most `MAX_BYTES`.
        media_type: `image/png`, `image/jpeg` or `image/webp`.
        etag: changes with the picture; empty if the agent sends none.
    """

    content: bytes
    media_type: str
    etag: str


def read_thumbnail(content: bytes, media_type: str, etag: str) -> Thumbnail | None:
    """Return the picture in an answer; None if it is none that may be shown.

    Args:
        content: the answer's body.
        media_type: what the agent calls it.
        etag: the answer's ETag.
    """
    kind = next((name for name, start in _KINDS if start.match(content)), "")
    if not kind or media_type.partition(";")[0].strip().lower() != kind or len(content) > MAX_BYTES:
        return None
    return Thumbnail(content, kind, checked_etag(etag))


def checked_etag(etag: str) -> str:
    """Return an ETag that can be passed on; empty for anything else."""
    return etag if _ETAG.fullmatch(etag) else ""
