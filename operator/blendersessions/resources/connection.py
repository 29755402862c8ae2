"""The connection that the session is registered as in Guacamole, and its address in a browser."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from blendersessions.model.access import ConnectionRecord, ConnectionSpec
from blendersessions.resources.service import VNC_PORT

if TYPE_CHECKING:
    from blendersessions.model.session import Session


def connection(session: Session, vnc_password: str) -> ConnectionSpec:
    """Build the connection. Values left at Guacamole's default are left out, since it does not store empty ones."""
    spec = session.spec
    parameters = {
        "hostname": f"{session.desktop_name}.{session.namespace}.svc",
        "port": str(VNC_PORT),
        "password": vnc_password,
        "color-depth": str(spec.display.color_depth),
    }
    if spec.display.read_only:
        parameters["read-only"] = "true"
    per_user = spec.connections.max_per_user or spec.connections.max
    return ConnectionSpec(
        name=session.desktop_name,
        parameters=parameters,
        attributes={
            "max-connections": str(spec.connections.max),
            "max-connections-per-user": str(per_user),
        },
    )


def client_url(public_url: str, record: ConnectionRecord, data_source: str) -> str:
    """Return what a browser opens: Guacamole's client identifier is base64url of `identifier NUL c NUL data source`."""
    identifier = f"{record.identifier}\0c\0{data_source}".encode()
    return f"{public_url}guacamole/#/client/{base64.urlsafe_b64encode(identifier).decode().rstrip('=')}"
