"""Storages for Kopf that keep nothing: only its watches are used.

Its own storages deep-copy each object of each event to compute differences, which no handler of ours asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import kopf

if TYPE_CHECKING:
    from kopf._cogs.structs.bodies import BodyEssence


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no former state of an object."""

    def build(self, **_: object) -> BodyEssence:
        """Return nothing of the object."""
        return {}

    def fetch(self, **_: object) -> None:
        """Return no former state."""

    def store(self, **_: object) -> None:
        """Keep nothing."""


class NoProgress(kopf.ProgressStorage):
    """Keeps no handler's progress: handlers of events have none."""

    def fetch(self, **_: object) -> None:
        """Return no progress."""

    def store(self, **_: object) -> None:
        """Keep nothing."""

    def purge(self, **_: object) -> None:
        """Remove nothing."""

    def touch(self, **_: object) -> None:
        """Write nothing."""

    def clear(self, *, essence: BodyEssence) -> BodyEssence:
        """Leave the object as it is."""
        return essence
