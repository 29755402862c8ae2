"""Metadata that all objects of a session share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.session import Session, owner_reference

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


def metadata(session: Session, annotations: dict[str, str] | None = None) -> Manifest:
    """Build the metadata of an object that the session controls."""
    return {
        "name": session.desktop.name,
        "namespace": session.namespace,
        "labels": {
            labels.MANAGED_BY: labels.MANAGED_BY_VALUE,
            labels.NAME: labels.NAME_VALUE,
            labels.SESSION_UID: session.uid,
        },
        "annotations": {labels.SESSION: session.name} | (annotations or {}),
        "ownerReferences": [owner_reference(session, controller=True)],
    }
