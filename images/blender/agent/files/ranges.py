"""What RFC 9110 (section 14) and RFC 6266 say of a download's headers."""

import os
import re
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final
from urllib.parse import quote

from agent.messages import Refused

_SINGLE: Final = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII | re.IGNORECASE)
_LAST_MOMENT: Final = 253402300799
"""The last second of the year 9999, beyond which no date can be written."""


@dataclass(frozen=True)
class Span:
    """A part of a file, or all of it."""

    first: int
    length: int

    def content_range(self, size: int) -> str:
        """Return the value of Content-Range for a file of this size."""
        return f"bytes {self.first}-{self.first + self.length - 1}/{size}"


def read_range(header: str | None, size: int) -> Span | None:
    """Return the part that is asked for, or None for the whole file.

    What is no single range of bytes is passed by, as RFC 9110 allows: the answer is the whole file.

    Raises:
        Refused: the file has no such part.
    """
    match = _SINGLE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    if not first:
        length = min(int(last), size)
        begin = size - length
    else:
        begin = int(first)
        length = min(int(last) + 1 if last else size, size) - begin
    if length <= 0:
        message = f"The file has {size} bytes, and none of them is in the range that was asked for."
        raise Refused(416, message, headers={"Content-Range": f"bytes */{size}"})
    return Span(begin, length)


def etag_of(status: os.stat_result) -> str:
    """Return what tells one version of a file from another."""
    return f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'


def wants_range(if_range: str | None, etag: str) -> bool:
    """Return whether If-Range lets a part be sent. A date never does: two versions may have the same second."""
    return if_range is None or if_range.strip() == etag


def modified_seconds(status: os.stat_result) -> float:
    """Return when a file was changed, in seconds since 1970, within what a date can say."""
    return min(max(status.st_mtime, 0), _LAST_MOMENT)


def download_headers(name: str, status: os.stat_result) -> dict[str, str]:
    """Return the headers of a file that is sent."""
    return {
        "Accept-Ranges": "bytes",
        "ETag": etag_of(status),
        "Last-Modified": formatdate(modified_seconds(status), usegmt=True),
        "Content-Type": "application/octet-stream",
    } | attachment_headers(name)


def attachment_headers(name: str) -> dict[str, str]:
    """Return the headers that make a browser save what is sent under this name, and never show it."""
    # For old programs: what would end the text, or is no ASCII, is replaced.
    plain = re.sub(r"[^ !#-$&-\[\]-~]", "_", name, flags=re.ASCII)
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
