"""Assign a volume that several sessions want: one volume, one desktop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from blendersessions.model.manifest import SESSION_KIND

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from blendersessions.model.manifest import Ref


@dataclass(frozen=True)
class ClaimRequest:
    """One session that wants a volume, while no pod mounts it."""

    uid: str
    given: bool
    """Whether the volume was given to the session, and its pod may be about to be made."""
    started: bool
    """Whether the session's run has begun, so that only its pod is to be made again."""
    created_at: datetime


def in_use_by(holder: Ref) -> str:
    """Return the part of a message that says what has a volume."""
    who = f"the session {holder.name}" if holder.kind == SESSION_KIND else str(holder)
    return f"is in use by {who},"


def first_of(requests: Iterable[ClaimRequest]) -> str:
    """Return the UID of the session that gets the volume: the one that has it, or else the oldest.

    The result depends on what the API server holds, but for `given`. That counts only until the pod is made, so another
    operator process decides alike.

    Raises:
        ValueError: there is no request.
    """
    return min(
        requests, key=lambda request: (not request.given, not request.started, request.created_at, request.uid)
    ).uid
