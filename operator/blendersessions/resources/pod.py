"""The pod that runs one Blender."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.resources.metadata import metadata
from blendersessions.resources.service import VNC_PORT

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.profile import Profile
    from blendersessions.model.session import Session

CONTAINER = "blender"
AGENT_PORT = 8788
USER = 1000
SECRET_PATH = "/run/secrets/desktop"  # noqa: S105 - a path, no secret
HOME = "/home/blender"
HOME_LIMIT = "4Gi"
"""Scenes and what Blender writes beside them. Beyond it the kubelet evicts this pod, before the node's disk is full."""
TMP_LIMIT = "1Gi"
GRACE_SECONDS = 30
"""Long enough to save a scene after SIGTERM."""


def pod(session: Session, profile: Profile) -> Manifest:
    """Build the pod. Its hash in an annotation tells later whether the session asks for another one."""
    spec = _spec(session, profile)
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(session, {labels.DESKTOP: digest}),
        "spec": spec,
    }


def _spec(session: Session, profile: Profile) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(session, profile)],
        "volumes": [
            {"name": "desktop", "secret": {"secretName": session.desktop_name, "defaultMode": 0o440}},
            {"name": "home", "emptyDir": {"sizeLimit": HOME_LIMIT}},
            {"name": "tmp", "emptyDir": {"sizeLimit": TMP_LIMIT}},
        ],
    }


def _container(session: Session, profile: Profile) -> Manifest:
    display = session.spec.display
    wanted = session.spec.resources
    return {
        "name": CONTAINER,
        "image": profile.image,
        "imagePullPolicy": profile.image_pull_policy,
        "env": [
            {"name": "BLENDER_SCENE", "value": session.spec.scene.sample},
            {"name": "BLENDER_WIDTH", "value": str(display.width)},
            {"name": "BLENDER_HEIGHT", "value": str(display.height)},
            {"name": "BLENDER_DEPTH", "value": str(display.color_depth)},
        ],
        "ports": [
            {"name": "vnc", "containerPort": VNC_PORT, "protocol": "TCP"},
            {"name": "agent", "containerPort": AGENT_PORT, "protocol": "TCP"},
        ],
        "resources": _resources(profile, wanted.requests, wanted.limits),
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": "agent"},
            "periodSeconds": 1,
            "timeoutSeconds": 1,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "agent"},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "desktop", "mountPath": SECRET_PATH, "readOnly": True},
            {"name": "home", "mountPath": HOME},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - an emptyDir of this pod alone
        ],
    }


def _resources(
    profile: Profile, requests: dict[str, str | int | float], limits: dict[str, str | int | float]
) -> Manifest:
    """Fill in the profile's defaults; a default never stands against what the session says of the same resource.

    A limit without a request is a request for as much (as Kubernetes has it), and a request above the default limit
    would be refused, so a default applies only where the session names neither.
    """
    named = requests.keys() | limits.keys()
    return {
        "requests": {name: value for name, value in profile.requests.items() if name not in named} | requests,
        "limits": {name: value for name, value in profile.limits.items() if name not in named} | limits,
    }
