"""The two kinds of Secrets: a desktop's, and a Guacamole user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.access import access_list
from blendersessions.model.container import AGENT_TOKEN, VNC_PASSWORD
from blendersessions.model.names import user_secret_name
from blendersessions.model.secret_data import DesktopCredentials, encode
from blendersessions.model.session import Session, owner_reference
from blendersessions_operator.resources.metadata import desktop_metadata

if TYPE_CHECKING:
    from blendersessions.model.desktop import Desktop
    from blendersessions.model.manifest import Manifest


def desktop_secret(desktop: Desktop, session: Session, credentials: DesktopCredentials) -> Manifest:
    """Build the Secret that the pod mounts. It also holds the password of the connection."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": desktop_metadata(desktop, session, {labels.GRANTED: ",".join(access_list(session))}),
        "type": "Opaque",
        "data": {
            VNC_PASSWORD: encode(credentials.vnc_password),
            AGENT_TOKEN: encode(credentials.agent_token),
        },
    }


def user_secret(session: Session, username: str, password: str) -> Manifest:
    """Build the Secret of a Guacamole user. All sessions of the namespace that let the user in become its owners."""
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
        "data": {"username": encode(username), "password": encode(password)},
    }
