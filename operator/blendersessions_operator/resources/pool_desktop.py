"""The objects of a desktop that waits in a pool. Nothing of a person is in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.model import labels
from blendersessions.model.container import AGENT_TOKEN, VNC_PASSWORD
from blendersessions.model.desktop import Desktop
from blendersessions.model.manifest import API_VERSION, CLASS_KIND
from blendersessions.model.scene import Scene
from blendersessions.model.secret_data import DesktopCredentials, decode, encode
from blendersessions.model.session import Session, Spec
from blendersessions_operator.resources.connection import connection
from blendersessions_operator.resources.pod import pod
from blendersessions_operator.resources.service import service

if TYPE_CHECKING:
    from blendersessions.model.access import ConnectionSpec
    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session_class import SessionClass

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def typical_session(session_class: SessionClass) -> Session:
    """Return the session for which the desktops of a pool are made: it asks for nothing but the class's scene."""
    pool = session_class.spec.warm_pool
    scene = Scene(sample=pool.scene if pool is not None else "")
    return Session(
        namespace=session_class.namespace,
        name=f"pool {session_class.name}",
        uid=session_class.uid,
        resource_version="",
        generation=0,
        created_at=_NEVER,
        spec=Spec(class_name=session_class.name, scene=scene),
    )


def pool_pod(desktop: Desktop, session_class: SessionClass, settings: EffectiveSettings) -> Manifest:
    """Build the pod. The class controls it, so that it goes with its class."""
    typical = typical_session(session_class)
    made = pod(desktop, typical, settings)
    owner: Manifest = {"apiVersion": API_VERSION, "kind": CLASS_KIND, "name": session_class.name}
    meta = _metadata(desktop, session_class.name, owner | {"uid": session_class.uid, "controller": True})
    meta["labels"] = pool_labels(desktop, session_class, settings)
    annotations = made["metadata"]["annotations"]
    meta["annotations"] = {
        labels.DESKTOP: annotations[labels.DESKTOP],
        labels.POOL_SCENE: typical.spec.scene.sample,
    }
    return made | {"metadata": meta}


def pool_labels(desktop: Desktop, session_class: SessionClass, settings: EffectiveSettings) -> dict[str, str]:
    """Build the labels of the pod."""
    return _labels(desktop, session_class.name) | {labels.EGRESS: settings.egress}


def pool_secret(waiting: Manifest, credentials: DesktopCredentials) -> Manifest:
    """Build the Secret of a pod that waits. It goes with the pod."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _of_pod(waiting),
        "type": "Opaque",
        "data": {VNC_PASSWORD: encode(credentials.vnc_password), AGENT_TOKEN: encode(credentials.agent_token)},
    }


def pool_service(waiting: Manifest, session: Session) -> Manifest:
    """Build the Service of a pod that waits, or that a session has taken. It goes with the pod."""
    return service(desktop_of_pod(waiting), session) | {"metadata": _of_pod(waiting)}


def pool_connection(waiting: Manifest, session_class: SessionClass, secret: Manifest) -> ConnectionSpec:
    """Build the connection, which nobody may read before a session has taken the desktop."""
    return connection(desktop_of_pod(waiting), typical_session(session_class), decode(secret, VNC_PASSWORD))


def pool_selector(session_class: SessionClass) -> str:
    """Return the labels of the pods that wait. One that a session has taken has its label besides."""
    return f"{labels.POOL}={session_class.name},!{labels.SESSION_UID}"


def desktop_of_pod(waiting: Manifest) -> Desktop:
    """Return the desktop that a pod is part of."""
    return Desktop(waiting["metadata"]["namespace"], waiting["metadata"]["name"])


def _of_pod(waiting: Manifest) -> Manifest:
    """Build the metadata of what belongs to a pod that waits."""
    meta = waiting["metadata"]
    owner: Manifest = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"], "controller": True}
    return _metadata(desktop_of_pod(waiting), str(meta["labels"].get(labels.POOL, "")), owner)


def _metadata(desktop: Desktop, class_name: str, owner: Manifest) -> Manifest:
    return {
        "name": desktop.name,
        "namespace": desktop.namespace,
        "labels": _labels(desktop, class_name),
        "ownerReferences": [owner],
    }


def _labels(desktop: Desktop, class_name: str) -> dict[str, str]:
    return {
        labels.MANAGED_BY: labels.MANAGED_BY_VALUE,
        labels.NAME: labels.NAME_VALUE,
        labels.DESKTOP_NAME: desktop.name,
        labels.POOL: class_name,
    }
