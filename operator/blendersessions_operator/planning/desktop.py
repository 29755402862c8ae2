"""Plan the desktop of a session: its Secret, Service, volume claim and pod."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model import labels
from blendersessions.model.container import AGENT_TOKEN, VNC_PASSWORD
from blendersessions.model.manifest import is_subset, ref_of
from blendersessions.model.quantities import quantity
from blendersessions.model.secret_data import DesktopCredentials, decode
from blendersessions_operator.planning import podstate, steps
from blendersessions_operator.planning.confinement import missing_policies
from blendersessions_operator.planning.endings import scene_error
from blendersessions_operator.planning.observed import (
    Observed,
    belongs_to,
    granted_before,
    is_of_desktop,
    own_pod,
    own_volume_claim,
    owned,
)
from blendersessions_operator.planning.podstate import has_ended
from blendersessions_operator.planning.scene import has_failed
from blendersessions_operator.resources.pod import outdated, pod, pod_metadata
from blendersessions_operator.resources.pool_desktop import pool_service
from blendersessions_operator.resources.secret import desktop_secret
from blendersessions_operator.resources.service import service
from blendersessions_operator.resources.volume_claim import volume_claim

if TYPE_CHECKING:
    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.steps import Step


FAILED_POD_BACKOFF: Final = timedelta(seconds=10)
"""Time from the creation of a pod that ended to its replacement. It keeps a pod that ends at once from being made in a
loop, and gives users time to see why it ended."""


def plan_desktop(session: Session, observed: Observed) -> list[Step]:
    """Plan the desktop's objects. The pod comes after the policies that confine it, and the Secret that it mounts."""
    todo = repair_existing(session, observed)
    if observed.secret is None:
        todo.append(steps.CreateDesktopSecret())
    if observed.service is None:
        todo.append(steps.CreateObject(service(session.desktop, session)))
    workspace = session.spec.workspace
    if workspace is not None and workspace.size and observed.volume_claim is None and may_grow(observed):
        todo.append(steps.CreateObject(volume_claim(session, workspace)))
    has_secret = observed.secret is not None and is_of_desktop(observed.secret, session, observed)
    if has_secret and observed.settings is not None:
        todo += _plan_pod(session, observed, observed.settings)
    return todo


def repair_existing(session: Session, observed: Observed) -> list[Step]:
    """Plan repairs of the existing objects, without creating any."""
    todo: list[Step] = []
    if observed.secret is not None and owned(observed.secret, session):
        todo += _repair_secret(session, observed, observed.secret)
    todo += _repair_service(session, observed)
    claim, workspace = own_volume_claim(session, observed), session.spec.workspace
    if claim is not None and workspace is not None and workspace.size and may_grow(observed):
        todo += _plan_growth(claim, volume_claim(session, workspace))
    return todo


def restart_backoff(pod: Manifest, now: datetime) -> timedelta:
    """Return the time until a pod that ended is replaced; zero if it is over.

    A pod that ran for longer than the backoff is replaced at once. Its own timestamps show that, even if the operator's
    clock is wrong.
    """
    created = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    status = pod.get("status") or {}
    changes = [entry.get("lastTransitionTime") for entry in status.get("conditions") or ()]
    changes.append(((podstate.container(pod).get("state") or {}).get("terminated") or {}).get("finishedAt"))
    ended = max((datetime.fromisoformat(moment) for moment in changes if moment), default=created)
    return max(timedelta(), FAILED_POD_BACKOFF - max(now - created, ended - created))


def credentials_of(secret: Manifest) -> str:
    """Return a hash of the values that the desktop reads from its Secret at its start."""
    values = [decode(secret, key) for key in (VNC_PASSWORD, AGENT_TOKEN)]
    return hashlib.sha256("\0".join([secret["metadata"]["uid"], *values]).encode()).hexdigest()[:16]


def repair(actual: Manifest, wanted: Manifest) -> list[Step]:
    """Apply the desired fields if the object differs from them. The UID protects another object of that name."""
    if is_subset(actual, {key: value for key, value in wanted.items() if key in ("metadata", "spec", "data")}):
        return []
    return [steps.ApplyObject(_for_object(wanted, actual))]


def _repair_service(session: Session, observed: Observed) -> list[Step]:
    """Repair the Service. One that was made for a pool stays its pod's."""
    found, pod = observed.service, own_pod(session, observed)
    if found is not None and owned(found, session):
        return repair(found, service(session.desktop, session))
    if found is not None and pod is not None and belongs_to(found, pod):
        return repair(found, pool_service(pod, session))
    return []


def _plan_pod(session: Session, observed: Observed, settings: EffectiveSettings) -> list[Step]:
    credentials = credentials_of(observed.secret) if observed.secret is not None else ""
    actual = observed.pod
    if actual is None:
        if missing_policies(session, observed):
            return []
        return [steps.CreateObject(pod(session.desktop, session, settings, credentials))]
    if not owned(actual, session) or actual["metadata"].get("deletionTimestamp"):
        return []
    delete = steps.DeleteObject(ref_of(actual), actual["metadata"]["uid"])
    if has_ended(actual):
        return [] if restart_backoff(actual, observed.now) else [delete]
    annotations = actual["metadata"].get("annotations") or {}
    started_with = annotations.get(labels.CREDENTIALS)
    if started_with and started_with != credentials:
        # Somebody changed the Secret. Xvnc requires the old password, and Guacamole sends the new one.
        return [delete]
    failed = scene_error(actual) or (has_failed(session, observed) and not podstate.is_ready(actual))
    if failed and outdated(actual, session.desktop, session, settings):
        return [delete]
    made_from = {key: annotations[key] for key in (labels.DESKTOP, labels.CREDENTIALS) if annotations.get(key)}
    return repair(actual, pod_metadata(session.desktop, session, settings, made_from))


def awaited_size(session: Session, observed: Observed) -> str:
    """Return the size to which the volume grows once its claim is bound; empty if it does not wait for that."""
    claim, workspace = own_volume_claim(session, observed), session.spec.workspace
    if claim is None or workspace is None or not workspace.size or is_bound(claim) or not may_grow(observed):
        return ""
    return workspace.size if quantity(workspace.size) > quantity(_requested(claim)) else ""


def may_grow(observed: Observed) -> bool:
    """Return whether the class allows a volume of the size that the session wants."""
    return observed.settings is not None and not observed.class_error and not observed.settings.volume_refusal


def is_bound(claim: Manifest) -> bool:
    """Return whether the claim is bound to a volume. Before that the API server refuses to let it grow."""
    return bool((claim.get("status") or {}).get("phase") == "Bound")


def _requested(claim: Manifest) -> str:
    return str(claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0"))


def _plan_growth(actual: Manifest, wanted: Manifest) -> list[Step]:
    """Raise the requested size of a volume. Whether it can grow depends on its StorageClass."""
    size = wanted["spec"]["resources"]["requests"]["storage"]
    if not is_bound(actual) or quantity(size) <= quantity(_requested(actual)):
        return []
    metadata = {key: actual["metadata"][key] for key in ("name", "namespace", "uid")}
    grown = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": {"resources": wanted["spec"]["resources"]},
    }
    return [steps.ApplyObject(grown)]


def _repair_secret(session: Session, observed: Observed, actual: Manifest) -> list[Step]:
    """Keep the values in the Secret, which the running desktop has read, and have missing ones drawn.

    The record of granted users is kept too. It changes only after the grants of former users were revoked.
    """
    existing = DesktopCredentials(decode(actual, VNC_PASSWORD), decode(actual, AGENT_TOKEN))
    wanted = desktop_secret(session.desktop, session, existing)
    wanted["data"] = {key: actual["data"][key] for key in wanted["data"] if decode(actual, key)}
    if recorded := granted_before(session, observed):
        wanted["metadata"]["annotations"][labels.GRANTED] = ",".join(recorded)
    if existing.vnc_password and existing.agent_token:
        return repair(actual, wanted)
    return [steps.CompleteDesktopSecret(_for_object(wanted, actual))]


def _for_object(wanted: Manifest, actual: Manifest) -> Manifest:
    """Return the manifest with the UID of the existing object, so that it does not apply to another of its name."""
    return wanted | {"metadata": wanted["metadata"] | {"uid": actual["metadata"]["uid"]}}
