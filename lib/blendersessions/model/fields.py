"""Read single fields of a status. A value that slipped past the schema is read as missing; nothing raises."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

Word = TypeVar("Word", bound=StrEnum)


def section(value: object) -> Manifest:
    """Read an object; empty if the value is not one."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """Read a text; empty if the value is not one."""
    return value if isinstance(value, str) else ""


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
    """Read a timestamp and return it in UTC; None if the value is not one, or has no time zone."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC) if read.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def timestamp(at: datetime, timespec: str = "milliseconds") -> str:
    """Write a time in UTC, cut to milliseconds or `seconds`."""
    return at.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def in_milliseconds(at: datetime) -> datetime:
    """Cut a time to milliseconds, as `timestamp` does, so that it equals the value that is read back."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
