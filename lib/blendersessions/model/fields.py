"""Read single fields that others wrote. A value that is not what it should be is read as missing; nothing raises."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

Word = TypeVar("Word", bound=StrEnum)
_YEARS: Final = range(1970, 9000)
"""Times in other years are no times that something happened, and one cannot reckon with them."""


def section(value: object) -> Manifest:
    """Read an object; empty if the value is not one."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """Read a text; empty if the value is not one."""
    return value if isinstance(value, str) else ""


def foreign_text(value: object, longest: int) -> str:
    """Read a text of a program that we do not trust, cut to a length; empty if the value is not one.

    Characters that are no text, and which the API server would refuse or change, become question marks.
    """
    return text(value)[:longest].encode("utf-8", "replace").decode()


def foreign_line(value: object, longest: int) -> str:
    """Read a text as `foreign_text` does, and as one line: what a terminal would not print becomes a question mark."""
    return "".join(each if each.isprintable() else "?" for each in foreign_text(value, longest))


def foreign_object(value: bytes | str) -> Manifest:
    """Read a JSON object of a program that we do not trust; empty if it is not one, or nested without end."""
    try:
        return section(json.loads(value))
    except (ValueError, RecursionError):
        return {}


def seconds(value: object, longest: float) -> float | None:
    """Read a number of seconds, cut to a longest time; None if the value is no number of at least 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= 0:
        return None
    # Cut first: an integer may be too large for a float.
    return float(min(value, longest))


def number(value: object) -> int | None:
    """Read a whole number of at least 0; None if the value is not one."""
    return value if type(value) is int and value >= 0 else None


def word(kind: type[Word], value: object) -> Word | None:
    """Read a word of an enumeration; None if the value is none of its words."""
    if not isinstance(value, str):
        return None
    try:
        return kind(value)
    except ValueError:
        return None


def moment(value: object) -> datetime | None:
    """Read a timestamp and return it in UTC; None if the value is not one, has no time zone, or is out of all range."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC) if read.tzinfo is not None and read.year in _YEARS else None
    except (ValueError, OverflowError):
        return None


def timestamp(at: datetime, timespec: str = "milliseconds") -> str:
    """Write a time in UTC, cut to milliseconds or `seconds`."""
    return at.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def in_milliseconds(at: datetime) -> datetime:
    """Cut a time to milliseconds, as `timestamp` does, so that it equals the value that is read back."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
