"""The two Secrets: the desktop's own, and that of a Guacamole user that we make."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.names import user_secret_name
from blendersessions.model.people import people
from blendersessions.model.session import Session, owner_reference
from blendersessions.resources.metadata import metadata

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.profile import Credentials

VNC_PASSWORD = "vnc-password"  # noqa: S105 - a key, no secret
AGENT_TOKEN = "agent-token"  # noqa: S105 - a key, no secret


def desktop_secret(session: Session, credentials: Credentials) -> Manifest:
    """Build the Secret that the pod mounts and that the connection's password is read from."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(session, {labels.GRANTED: ",".join(people(session))}),
        "type": "Opaque",
        "data": {
            VNC_PASSWORD: encode(credentials.vnc_password),
            AGENT_TOKEN: encode(credentials.agent_token),
        },
    }


def user_secret(session: Session, username: str, credentials: Credentials) -> Manifest:
    """Build the Secret of one Guacamole user. All sessions in the namespace that let that user in own it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": user_secret_name(username),
            "namespace": session.namespace,
            "labels": {
                labels.MANAGED_BY: labels.MANAGED_BY_VALUE,
                labels.NAME: labels.NAME_VALUE,
                labels.SECRET: labels.SECRET_USER,
            },
            "ownerReferences": [owner_reference(session, controller=False)],
        },
        "type": "Opaque",
        "data": {"username": encode(username), "password": encode(credentials.user_passwords[username])},
    }


def encode(value: str) -> str:
    """Write a value as a Secret's `data` holds it."""
    return base64.b64encode(value.encode()).decode()


def decode(secret: Manifest, key: str) -> str:
    """Read one value of a Secret; empty when it is missing or no text."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "").decode()
    except ValueError:
        return ""
