"""What the cache keeps of an object: the fields that the operator reads, each with a bound.

Whoever may change objects in a namespace can fill them with a megabyte each. That must not fill the operator's memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blendersessions.model.container import AGENT_TOKEN, VNC_PASSWORD, VNC_PORT
from blendersessions.model.labels import FINALIZER, POOL
from blendersessions.model.manifest import API_GROUP, SESSION_KIND, Manifest

if TYPE_CHECKING:
    from collections.abc import Container

OUR_PREFIXES: Final = (f"{API_GROUP}/", "app.kubernetes.io/")
"""Labels and annotations of ours begin with one of these. Those of others are dropped."""
SECRET_KEYS: Final = (VNC_PASSWORD, AGENT_TOKEN, "username", "password")
MAX_VALUE: Final = 1024
"""Longest value of a Secret that is kept. A longer one is not ours, and counts as missing."""
MAX_METADATA: Final = 16 * 1024
"""Characters of our labels and annotations that are kept. The record of granted users is the longest of ours."""
MAX_FINALIZERS: Final = 16
"""Of a session with more finalizers, one more than this is kept, so that it is known to have more."""
_KEPT_METADATA: Final = ("name", "namespace", "uid", "resourceVersion", "generation")
_TIMES: Final = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def kept(manifest: Manifest, known_sessions: Container[str]) -> Manifest:
    """Return the object with the fields that the operator reads; the argument is not changed.

    Args:
        manifest: the object as the API server sent it.
        known_sessions: UIDs of the sessions that are known. Other owners are dropped, except the one that controls it.
    """
    kind = manifest["kind"]
    slim: Manifest = {key: manifest[key] for key in ("apiVersion", "kind", "type", "spec", "status") if key in manifest}
    slim["metadata"] = _metadata(manifest["metadata"], known_sessions)
    if kind == "Pod":
        slim["spec"] = _pod_spec(manifest.get("spec") or {})
    elif kind == "Service":
        slim["spec"] = _service_spec(manifest.get("spec") or {})
        slim.pop("status", None)
    elif kind == "Secret":
        data = manifest.get("data") or {}
        slim["data"] = {key: data[key] for key in SECRET_KEYS if key in data and len(str(data[key])) <= MAX_VALUE}
    return slim


def stub(manifest: Manifest) -> Manifest:
    """Return what is kept of an object that belongs to no known session: which one it is, its claims and its pool."""
    metadata = {key: manifest["metadata"].get(key, "") for key in ("name", "namespace", "uid", "resourceVersion")}
    slim: Manifest = {"kind": manifest["kind"], "metadata": metadata}
    if POOL in (manifest["metadata"].get("labels") or {}):
        metadata["labels"] = {POOL: manifest["metadata"]["labels"][POOL]}
    for owner in manifest["metadata"].get("ownerReferences") or ():
        if owner.get("controller") and (manifest["kind"] == "Pod" or "labels" in metadata):
            metadata["ownerReferences"] = [{key: owner.get(key) for key in ("kind", "name", "uid", "controller")}]
    if manifest["kind"] == "Pod":
        slim["spec"] = {"volumes": _mounted_claims(manifest.get("spec") or {})}
    return slim


def _metadata(metadata: Manifest, known_sessions: Container[str]) -> Manifest:
    slim: Manifest = {key: metadata[key] for key in (*_KEPT_METADATA, *_TIMES) if key in metadata}
    for key in ("labels", "annotations"):
        if key in metadata:
            slim[key] = ours(metadata[key] or {})
    if "finalizers" in metadata:
        slim["finalizers"] = _finalizers(metadata["finalizers"] or [])
    if "ownerReferences" in metadata:
        slim["ownerReferences"] = [
            owner
            for owner in metadata["ownerReferences"] or ()
            if owner.get("controller") or (owner.get("kind") == SESSION_KIND and owner["uid"] in known_sessions)
        ]
    return slim


def ours(entries: dict[str, str]) -> dict[str, str]:
    """Return the labels or annotations that are ours, as long as there is room for them."""
    slim, room = {}, MAX_METADATA
    for key, value in entries.items():
        if key.startswith(OUR_PREFIXES) and len(key) + len(value) <= room:
            slim[key] = value
            room -= len(key) + len(value)
    return slim


def _finalizers(finalizers: list[str]) -> list[str]:
    first = finalizers[: MAX_FINALIZERS + 1]
    return [*first[:-1], FINALIZER] if FINALIZER in finalizers and FINALIZER not in first else first


def _pod_spec(spec: Manifest) -> Manifest:
    """Keep where a pod runs, what its containers may use, and which volume claims it mounts."""
    return {
        "nodeName": spec.get("nodeName", ""),
        "containers": [{key: each.get(key) for key in ("name", "resources")} for each in spec.get("containers") or ()],
        "volumes": _mounted_claims(spec),
    }


def _mounted_claims(spec: Manifest) -> list[Manifest]:
    return [volume for volume in spec.get("volumes") or () if "persistentVolumeClaim" in volume]


def _service_spec(spec: Manifest) -> Manifest:
    """Keep what is compared with the Service that we make: of the ports ours, of the selector our keys."""
    slim = {key: value for key, value in spec.items() if not isinstance(value, dict | list)}
    return slim | {
        "ports": [port for port in spec.get("ports") or () if VNC_PORT in (port.get("port"), port.get("targetPort"))],
        "selector": ours(spec.get("selector") or {}),
    }
