"""The volume that a session's home is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions_operator.resources.metadata import session_metadata

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session, Workspace


def claim_name(session: Session) -> str:
    """Name the claim that the home is on; empty when work is lost with the pod."""
    workspace = session.spec.workspace
    if workspace is None:
        return ""
    return workspace.claim_name or session.generated_name


def volume_claim(session: Session, workspace: Workspace) -> Manifest:
    """Build the claim of a volume that is made for the session.

    One that is to outlive the session has no owner reference, so that nothing collects it.
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
