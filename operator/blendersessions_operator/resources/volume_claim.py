"""The volume claim of a session's home folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions_operator.resources.metadata import session_metadata

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session, Workspace


def claim_name(session: Session) -> str:
    """Return the name of the claim of the home folder; empty if the session has no workspace."""
    workspace = session.spec.workspace
    if workspace is None:
        return ""
    return workspace.claim_name or session.generated_name


def volume_claim(session: Session, workspace: Workspace) -> Manifest:
    """Build the claim of a volume that is made for the session.

    A claim that is retained has no owner reference, so the garbage collector does not delete it.
    """
    meta = session_metadata(session.generated_name, session)
    if workspace.reclaim_policy == "Retain":
        del meta["ownerReferences"]
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": workspace.size}},
    }
    if workspace.storage_class_name is not None:
        spec["storageClassName"] = workspace.storage_class_name
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}
