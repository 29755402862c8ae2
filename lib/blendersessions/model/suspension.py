"""What a person writes into a session to suspend it and to have it back, as merge patches, and what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest
    from blendersessions.model.status import Suspension

RESUME: Final = "blendersessions.io/resume"
"""Annotation on a session: a new value, a timestamp by custom, resumes one that an expiry suspended."""


def suspend_requested(*, by_spec: bool, suspension: Suspension | None, resume: str) -> bool:
    """Say whether a session is to be suspended, by a person or by an expiry, and nobody has asked for it back.

    Args:
        by_spec: whether the spec asks for it.
        suspension: what the status notes of the last one.
        resume: the session's annotation `RESUME`, empty if it has none.
    """
    if by_spec:
        return True
    if suspension is None or suspension.reason is Reason.REQUESTED:
        return False
    # An expiry noted which request to resume there was already: only another one counts.
    return resume == suspension.resume


def suspend_patch() -> Manifest:
    """Have the desktop saved and stopped."""
    return {"spec": {"suspend": True}}


def resume_patch(now: datetime) -> Manifest:
    """Have the desktop started again, whoever suspended it: a person by the spec, or an expiry."""
    return {"metadata": {"annotations": {RESUME: now.isoformat(timespec="milliseconds")}}, "spec": {"suspend": False}}
