"""Remembers which of the class's extensions a person has disabled, beside the preferences in the home folder."""

import json
from pathlib import Path
from typing import Final

from workspace.files import read_regular_file, write_json

FILE: Final = "class-extensions.json"
_MAX_BYTES: Final = 64 * 1024
_MOST: Final = 500
"""IDs that are kept: also those of another class, which the home folder may serve next."""


def read_disabled(config: Path) -> frozenset[str]:
    """Return the IDs of extensions that stay disabled. An invalid file counts as none: the person can write to it."""
    try:
        found = json.loads(read_regular_file(config / FILE, _MAX_BYTES))["disabled"]
        return frozenset(each for each in found[:_MOST] if isinstance(each, str))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()


def write_disabled(config: Path, disabled: frozenset[str]) -> bool:
    """Write the IDs completely or not at all, and return whether they were written."""
    return write_json(config / FILE, {"disabled": sorted(disabled)[:_MOST]})
