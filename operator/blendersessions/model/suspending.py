"""What a person writes into a session to suspend it and to have it back, as merge patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest

RESUME: Final = "blendersessions.io/resume"
"""Annotation on a session: a new value, a timestamp by custom, resumes one that an expiry suspended."""


def suspend() -> Manifest:
    """Have the desktop saved and stopped."""
    return {"spec": {"suspend": True}}


def resume(now: datetime) -> Manifest:
    """Have the desktop started again, whoever suspended it: a person by the spec, or an expiry."""
    return {"metadata": {"annotations": {RESUME: now.isoformat(timespec="milliseconds")}}, "spec": {"suspend": False}}
