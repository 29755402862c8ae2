"""Read the fields of a status one by one: what slipped past the schema counts as not there, and never raises."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

Word = TypeVar("Word", bound=StrEnum)


def section(value: object) -> Manifest:
    """Read an object; empty when it is none."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """Read a text; empty when it is none."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """Read a whole number of at least 0; None when it is none."""
    return value if type(value) is int and value >= 0 else None


def word(kind: type[Word], value: object) -> Word | None:
    """Read a word of an enumeration; None when it is none of them."""
    if not isinstance(value, str):
        return None
    try:
        return kind(value)
    except ValueError:
        return None


def moment(value: object) -> datetime | None:
    """Read a moment, in UTC; None when it is none, or has no time zone."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC) if read.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def timestamp(at: datetime, timespec: str = "milliseconds") -> str:
    """Write a moment of UTC, cut to milliseconds or `seconds`."""
    return at.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def in_milliseconds(at: datetime) -> datetime:
    """Cut a moment to what `timestamp` writes of it, so that what is read back equals what was written."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
