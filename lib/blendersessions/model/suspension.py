"""How a session is suspended and resumed: the merge patches that request it, and how a request is recognised."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from blendersessions.model.manifest import Manifest
    from blendersessions.model.status import Suspension

RESUME: Final = "blendersessions.io/resume"
"""Annotation on a session. A new value resumes a session that an expiry suspended; by custom it is a timestamp."""
_LONGEST_RECORD: Final = 1024
"""Longest value that the status records, as the schema has it."""


def resume_request(annotations: Mapping[str, str]) -> str:
    """Return what the annotation `RESUME` says, as the status records it; empty if a session has none.

    Of a value that is too long for the status its hash stands there. Otherwise the record would be refused, and with it
    the suspension.
    """
    value = annotations.get(RESUME, "")
    return value if len(value) <= _LONGEST_RECORD else f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"


def suspend_requested(*, by_spec: bool, suspension: Suspension | None, resume: str) -> bool:
    """Return whether the spec or an expiry suspends a session, and no resume was requested since.

    Args:
        by_spec: the value of `spec.suspend`.
        suspension: the last suspension in the status.
        resume: what `resume_request` returns.
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
