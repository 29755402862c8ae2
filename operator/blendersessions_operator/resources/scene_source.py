"""The parts of a pod by which its agent brings the scene in, and gives and takes files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from blendersessions.model import container

if TYPE_CHECKING:
    from datetime import timedelta

    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session


def source_environment(session: Session, settings: EffectiveSettings) -> list[Manifest]:
    """Return the variables that tell the desktop where its scene is, besides `BLENDER_SCENE` for a sample."""
    scene, transfer = session.spec.scene, settings.transfer
    variables: dict[str, str] = {}
    if scene.url:
        variables["BLENDER_SCENE_URL"] = _literal(scene.url)
        if scene.sha256:
            variables["BLENDER_SCENE_SHA256"] = scene.sha256.lower()
        variables["BLENDER_FETCH_SECONDS"] = _seconds(transfer.fetch_timeout)
        variables["BLENDER_FETCH_NETWORKS"] = ",".join(settings.fetch_networks)
        if transfer.ca_config_map:
            variables["BLENDER_FETCH_CA_FILE"] = f"{container.FETCH_CA_PATH}/{container.FETCH_CA_KEY}"
    elif scene.volume is not None:
        variables["BLENDER_SCENE_PATH"] = _literal(scene.volume.path)
        variables["BLENDER_SCENE_CLAIM"] = scene.volume.claim_name
    elif scene.upload is not None:
        variables["BLENDER_SCENE_UPLOAD"] = "true"
        variables["BLENDER_UPLOAD_SECONDS"] = _seconds(transfer.upload_deadline)
    if variables:
        # A scene that another session opened in the same workspace is not this session's.
        variables["BLENDER_SESSION_UID"] = session.uid
    return _variables(variables)


def transfer_environment(settings: EffectiveSettings) -> list[Manifest]:
    """Return the variables that tell the agent which files may go in and out."""
    transfer = settings.transfer
    return _variables(
        {
            "BLENDER_TRANSFER_UPLOAD": str(transfer.upload).lower(),
            "BLENDER_TRANSFER_DOWNLOAD": str(transfer.download).lower(),
            "BLENDER_TRANSFER_MAX_BYTES": str(transfer.max_bytes),
        }
    )


def source_volumes(session: Session, settings: EffectiveSettings) -> list[Manifest]:
    """Return the volumes of the source: the claim with the scene, or the authorities that a URL is checked by.

    A claim that is read-only as a whole is not handed over to the pod's group by the kubelet, so nothing on it changes.
    """
    scene, authorities = session.spec.scene, settings.transfer.ca_config_map
    if scene.volume is not None:
        claim = {"claimName": scene.volume.claim_name, "readOnly": True}
        return [{"name": "scene", "persistentVolumeClaim": claim}]
    if scene.url and authorities:
        items = [{"key": container.FETCH_CA_KEY, "path": container.FETCH_CA_KEY}]
        return [{"name": "fetch-ca", "configMap": {"name": authorities, "items": items, "optional": True}}]
    return []


def source_mounts(session: Session, settings: EffectiveSettings) -> list[Manifest]:
    """Return where the container has these volumes."""
    paths = {"scene": container.SCENE_PATH, "fetch-ca": container.FETCH_CA_PATH}
    names = [volume["name"] for volume in source_volumes(session, settings)]
    return [{"name": name, "mountPath": paths[name], "readOnly": True} for name in names]


def _literal(text: str) -> str:
    """Return a variable's value that the kubelet takes as it is: it would replace `$(NAME)`."""
    return text.replace("$", "$$")


def _seconds(span: timedelta) -> str:
    return str(math.ceil(span.total_seconds()))


def _variables(values: dict[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in values.items()]
