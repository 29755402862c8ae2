"""Durations in the format of GEP-2257 (hours, minutes, seconds, milliseconds), within our bounds: `90s`, `1h30m`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from kubernetes.utils.duration import format_duration, parse_duration
from pydantic import BeforeValidator

LONGEST: Final = timedelta(hours=8760)
"""A year. A field that is left out means no limit."""


def parse(text: str) -> timedelta:
    """Read a duration.

    Raises:
        ValueError: the text is no duration, is not above zero, or is above a year.
    """
    try:
        duration: timedelta = parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no duration: write it as '30m', '1h30m' or '90s'") from error
    if not timedelta() < duration <= LONGEST:
        raise ValueError(f"{text!r} must be above zero and at most {LONGEST // timedelta(hours=1)}h")
    return duration


def write(duration: timedelta) -> str:
    """Write a duration for a message, rounded to whole seconds: `1h30m`, `45s`."""
    return str(format_duration(timedelta(seconds=max(0, round(duration.total_seconds())))))


Duration = Annotated[timedelta, BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)]
"""A field that is text in a manifest and a timedelta in the model."""
