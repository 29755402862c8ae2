"""What a person writes into a session to suspend it and to have it back, as merge patches, and what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest

RESUME: Final = "blendersessions.io/resume"
"""Annotation on a session: a new value, a timestamp by custom, resumes one that an expiry suspended."""
REQUESTED: Final = "Requested"
"""Reason of a suspension: a person asked for it in the spec."""


def suspend_requested(body: Manifest) -> bool:
    """Say whether a session is to be suspended, by a person or by an expiry, and nobody has asked for it back."""
    spec = body.get("spec")
    if isinstance(spec, dict) and spec.get("suspend"):
        return True
    suspension = (body.get("status") or {}).get("suspension") or {}
    if not suspension or suspension.get("reason") == REQUESTED:
        return False
    # An expiry noted which request to resume there was already: only another one counts.
    asked = (body["metadata"].get("annotations") or {}).get(RESUME, "")
    return bool(asked == (suspension.get("resume") or ""))


def suspend_patch() -> Manifest:
    """Have the desktop saved and stopped."""
    return {"spec": {"suspend": True}}


def resume_patch(now: datetime) -> Manifest:
    """Have the desktop started again, whoever suspended it: a person by the spec, or an expiry."""
    return {"metadata": {"annotations": {RESUME: now.isoformat(timespec="milliseconds")}}, "spec": {"suspend": False}}
