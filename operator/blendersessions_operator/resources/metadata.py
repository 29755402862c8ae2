"""Metadata of the objects that the operator makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.session import Session, owner_reference

if TYPE_CHECKING:
    from blendersessions.model.desktop import Desktop
    from blendersessions.model.manifest import Manifest


def desktop_metadata(desktop: Desktop, session: Session, annotations: dict[str, str] | None = None) -> Manifest:
    """Build the metadata of an object of a session's desktop, which the session controls."""
    meta = session_metadata(desktop.name, session, annotations)
    return meta | {"labels": meta["labels"] | {labels.DESKTOP_NAME: desktop.name}}


def session_metadata(name: str, session: Session, annotations: dict[str, str] | None = None) -> Manifest:
    """Build the metadata of an object of this name that the session controls."""
    return {
        "name": name,
        "namespace": session.namespace,
        "labels": {
            labels.MANAGED_BY: labels.MANAGED_BY_VALUE,
            labels.NAME: labels.NAME_VALUE,
            labels.SESSION_UID: session.uid,
        },
        "annotations": {labels.SESSION: session.name} | (annotations or {}),
        "ownerReferences": [owner_reference(session, controller=True)],
    }
