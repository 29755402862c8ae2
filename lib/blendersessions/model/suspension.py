"""How a session is suspended and resumed: the merge patches that request it, and how a request is recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest
    from blendersessions.model.status import Suspension

RESUME: Final = "blendersessions.io/resume"
"""Annotation on a session. A new value resumes a session that an expiry suspended; by custom it is a timestamp."""


def suspend_requested(*, by_spec: bool, suspension: Suspension | None, resume: str) -> bool:
    """Return whether the spec or an expiry suspends a session, and no resume was requested since.

    Args:
        by_spec: the value of `spec.suspend`.
        suspension: the last suspension in the status.
        resume: the value of the annotation `RESUME`; empty if the session has none.
    """
    if by_spec:
        return True
    if suspension is None or suspension.reason is Reason.REQUESTED:
        return False
    # The expiry recorded the value that the annotation had then. Only another value is a new request.
    return resume == suspension.resume


def suspend_patch() -> Manifest:
    """Return the patch that has the scene saved and the desktop stopped."""
    return {"spec": {"suspend": True}}


def resume_patch(now: datetime) -> Manifest:
    """Return the patch that resumes a session, whether its spec or an expiry suspended it."""
    return {"metadata": {"annotations": {RESUME: now.isoformat(timespec="milliseconds")}}, "spec": {"suspend": False}}
