"""Kopf keeps nothing on objects and compares nothing: only its watches are used.

Its own storages would deep-copy each object of each event, to find out what handlers of ours never ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import kopf

if TYPE_CHECKING:
    from kopf._cogs.structs.bodies import BodyEssence


class NoDiffBase(kopf.DiffBaseStorage):
    """Sees nothing of an object, and remembers nothing."""

    def build(self, **_: object) -> BodyEssence:
        """Return nothing of the object."""
        return {}

    def fetch(self, **_: object) -> None:
        """Know of no former state."""

    def store(self, **_: object) -> None:
        """Keep nothing."""


class NoProgress(kopf.ProgressStorage):
    """Remembers no handler's progress: handlers of events have none."""

    def fetch(self, **_: object) -> None:
        """Know of no progress."""

    def store(self, **_: object) -> None:
        """Keep nothing."""

    def purge(self, **_: object) -> None:
        """Have nothing to remove."""

    def touch(self, **_: object) -> None:
        """Write nothing."""

    def clear(self, *, essence: BodyEssence) -> BodyEssence:
        """Leave the object as it is."""
        return essence
