"""The pod that runs one Blender."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING

from blendersessions.model import container, labels
from blendersessions.model.quantities import quantity
from blendersessions_operator.resources.class_files import class_environment, class_mounts, class_volumes
from blendersessions_operator.resources.metadata import desktop_metadata
from blendersessions_operator.resources.scene_source import (
    source_environment,
    source_mounts,
    source_volumes,
    transfer_environment,
)
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.model.desktop import Desktop
    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Input, Session

USER_ID = 1000
HOME_LIMIT = "4Gi"
"""Largest home folder without a workspace. The kubelet evicts a pod that exceeds it, before the node's disk is full."""
TMP_LIMIT = "1Gi"
"""Largest folder for temporary files. The kubelet evicts a pod that exceeds it."""
RUN_LIMIT = "16Mi"
"""Size of the folder for sockets, which is in memory."""


def pod(desktop: Desktop, session: Session, settings: EffectiveSettings, credentials: str = "") -> Manifest:
    """Build the pod.

    Hashes in annotations show later whether the spec or the credentials have changed.

    Args:
        desktop: the desktop that the pod is part of.
        session: the session that has the desktop.
        settings: the effective settings of the session.
        credentials: hash of the values in the desktop's Secret.
    """
    spec = _spec(desktop, session, settings)
    made_from = {labels.DESKTOP: _digest(spec)} | ({labels.CREDENTIALS: credentials} if credentials else {})
    return pod_metadata(desktop, session, settings, made_from) | {"spec": spec}


def pod_metadata(
    desktop: Desktop, session: Session, settings: EffectiveSettings, made_from: Mapping[str, str]
) -> Manifest:
    """Build the part of an existing pod that is repaired: its metadata. The spec of a pod is immutable."""
    meta = desktop_metadata(desktop, session, dict(made_from))
    meta["labels"][labels.EGRESS] = settings.egress
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta}


def outdated(actual: Manifest, desktop: Desktop, session: Session, settings: EffectiveSettings) -> bool:
    """Return whether the pod's spec differs from the one that the session's settings give now."""
    digest = (actual["metadata"].get("annotations") or {}).get(labels.DESKTOP)
    return bool(digest != _digest(_spec(desktop, session, settings)))


def _digest(spec: Manifest) -> str:
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]


def _spec(desktop: Desktop, session: Session, settings: EffectiveSettings) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": math.ceil(settings.saving.timeout.total_seconds()),
        "securityContext": {
            "runAsNonRoot": True,
            **_user(settings),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(session, settings)],
        "volumes": [
            {"name": "desktop", "secret": {"secretName": desktop.name, "defaultMode": 0o440}},
            {"name": "home", **_home(session, settings)},
            {"name": "tmp", "emptyDir": {"sizeLimit": _folder_limits(session, settings)[container.TMP_LIMIT]}},
            {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": RUN_LIMIT}},
            *source_volumes(session, settings),
            *class_volumes(settings.class_files),
        ],
        **_pull_secrets(settings),
    } | settings.placement


def _user(settings: EffectiveSettings) -> Manifest:
    return {"runAsUser": USER_ID, "runAsGroup": USER_ID, "fsGroup": USER_ID} if settings.fixed_user else {}


def _pull_secrets(settings: EffectiveSettings) -> Manifest:
    names = settings.image_pull_secrets
    return {"imagePullSecrets": [{"name": name} for name in names]} if names else {}


def _home(session: Session, settings: EffectiveSettings) -> Manifest:
    claim = claim_name(session)
    if claim:
        return {"persistentVolumeClaim": {"claimName": claim}}
    return {"emptyDir": {"sizeLimit": _folder_limits(session, settings)[container.HOME_LIMIT]}}


def _folder_limits(session: Session, settings: EffectiveSettings) -> dict[str, str]:
    """Return the sizes of the folders on the node's disk, by the variable that tells the desktop.

    The kubelet counts them all for the pod's limit of ephemeral storage. So a smaller limit is shared out among them.
    Otherwise the desktop would be evicted before it could warn that a folder is full.
    """
    sizes = {} if claim_name(session) else {container.HOME_LIMIT: HOME_LIMIT}
    sizes |= {container.TMP_LIMIT: TMP_LIMIT}
    whole = sum(quantity(size) for size in sizes.values())
    limit = min(whole, quantity(settings.limits.get("ephemeral-storage", str(whole))))
    if limit == whole:
        return sizes
    return {name: str(int(limit * quantity(size) / whole)) for name, size in sizes.items()}


def _container(session: Session, settings: EffectiveSettings) -> Manifest:
    display = session.spec.display
    return {
        "name": container.NAME,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "env": [
            {"name": "BLENDER_SCENE", "value": session.spec.scene.sample},
            *source_environment(session, settings),
            {"name": "BLENDER_WIDTH", "value": str(display.width)},
            {"name": "BLENDER_HEIGHT", "value": str(display.height)},
            {"name": "BLENDER_DEPTH", "value": str(display.color_depth)},
            *_input(settings.input),
            *_storage_environment(session, settings),
            *transfer_environment(settings),
            *class_environment(settings.class_files),
        ],
        "ports": [
            {"name": "vnc", "containerPort": container.VNC_PORT, "protocol": "TCP"},
            {"name": "agent", "containerPort": container.AGENT_PORT, "protocol": "TCP"},
        ],
        "resources": {"requests": dict(settings.requests), "limits": dict(settings.limits)},
        "readinessProbe": {
            # While the desktop starts, the answer comes as soon as the scene is on screen.
            "httpGet": {"path": "/readyz?wait=4", "port": "agent"},
            "periodSeconds": 1,
            # A probe that times out while a render takes all CPU is not a scene that is gone.
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        # No liveness probe: a restart by the kubelet would end a Blender that works. The container restarts what ended.
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "desktop", "mountPath": container.SECRET_PATH, "readOnly": True},
            {"name": "home", "mountPath": container.HOME},
            {"name": "tmp", "mountPath": container.TMP},
            {"name": "run", "mountPath": container.RUN_PATH},
            *source_mounts(session, settings),
            *class_mounts(settings.class_files),
        ],
    }


def _input(wanted: Input) -> list[Manifest]:
    """Return the variables that set preferences. Without its variable, a preference stays as the person has set it."""
    preferences = {
        "BLENDER_EMULATE_MIDDLE_BUTTON": wanted.emulate_middle_button,
        "BLENDER_EMULATE_NUMPAD": wanted.emulate_numpad,
    }
    return [{"name": name, "value": str(on).lower()} for name, on in preferences.items() if on is not None]


def _storage_environment(session: Session, settings: EffectiveSettings) -> list[Manifest]:
    """Return what the programs in the desktop must know of its folders, to warn before one is full."""
    limits = _folder_limits(session, settings)
    sizes = [{"name": name, "value": str(int(quantity(limit)))} for name, limit in limits.items()]
    return [*sizes, {"name": container.WORKSPACE, "value": "true" if claim_name(session) else "false"}]
