"""Durations as Go, and so Kubernetes, writes them: `90s`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator

LONGEST: Final = timedelta(hours=8760)
"""A year: what is meant for ever is left out."""

_WHOLE = re.compile(r"^([0-9]+(h|m|s|ms))+$")
_PART = re.compile(r"([0-9]+)(h|ms|m|s)")
_UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def parse(text: str) -> timedelta:
    """Read a duration of hours, minutes, seconds and milliseconds.

    Raises:
        ValueError: it is none, not above zero, or above a year.
    """
    if not _WHOLE.match(text):
        raise ValueError(f"{text!r} is no duration: write it as '30m', '1h30m' or '90s'")
    try:
        total = sum((int(number) * _UNITS[unit] for number, unit in _PART.findall(text)), timedelta())
    except OverflowError:
        total = LONGEST * 2
    if not timedelta() < total <= LONGEST:
        raise ValueError(f"{text!r} must be above zero and at most {LONGEST // timedelta(hours=1)}h")
    return total


def write(duration: timedelta) -> str:
    """Write a duration for people, in whole seconds: `1h30m`, `45s`."""
    seconds = round(duration.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if count]
    return "".join(parts) or "0s"


Duration = Annotated[timedelta, BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)]
"""A field that is written as text in an object and is a timedelta here."""
