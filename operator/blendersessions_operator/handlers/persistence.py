"""Storages for Kopf that store nothing, because only Kopf's watches are used.

Kopf's own storages deep-copy the object of each event to compute differences, which no handler of ours uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import kopf

if TYPE_CHECKING:
    from kopf._cogs.structs.bodies import BodyEssence


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no former state of an object."""

    def build(self, **_: object) -> BodyEssence:
        """Return an empty essence."""
        return {}

    def fetch(self, **_: object) -> None:
        """Return no former state."""

    def store(self, **_: object) -> None:
        """Keep nothing."""


class NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers: handlers of events have none."""

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
