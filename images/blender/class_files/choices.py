"""Remembers which of the class's extensions a person has disabled, beside the preferences in the home folder."""

import json
from collections.abc import Iterable, Mapping
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


class Choices:
    """Tells what a person has disabled from what went with all preferences, in one run of Blender.

    Load Factory Settings and Revert to Saved put other preferences in place of those that this run began with. What is
    not enabled in them was not disabled by the person.

    Args:
        disabled: IDs that were disabled in former runs.
        names: the IDs of this run, by their modules.
        preferences: a mark of the preferences that Blender has now: other ones have another mark.
    """

    def __init__(self, disabled: frozenset[str], names: Mapping[str, str], preferences: int) -> None:
        self._disabled = disabled
        self._names = names
        self._preferences = preferences
        self._gone = frozenset[str]()
        """Modules that went with former preferences, and were not enabled since."""

    def look(self, enabled: Iterable[str], preferences: int) -> frozenset[str]:
        """Return the IDs that stay disabled.

        Args:
            enabled: the modules that are enabled now.
            preferences: the mark of the preferences that they stand in.
        """
        off = frozenset(self._names).difference(enabled)
        if preferences != self._preferences:
            self._preferences, self._gone = preferences, off
        self._gone &= off
        on = {name for module, name in self._names.items() if module not in off}
        self._disabled = self._disabled - on | {self._names[module] for module in off - self._gone}
        return self._disabled
