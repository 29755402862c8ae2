"""A desktop's connections in Guacamole, and their addresses for browsers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from blendersessions.model.access import HOSTNAME, ConnectionRecord, ConnectionSpec
from blendersessions.model.container import VNC_PORT

if TYPE_CHECKING:
    from blendersessions.model.desktop import Desktop
    from blendersessions.model.session import Session


def connection(desktop: Desktop, session: Session, vnc_password: str) -> ConnectionSpec:
    """Build the owner's connection. Default values are left out, because Guacamole does not store empty ones."""
    return _connection(desktop.name, desktop, session, vnc_password, read_only=session.spec.display.read_only)


def view_connection(desktop: Desktop, session: Session, vnc_password: str) -> ConnectionSpec:
    """Build the viewers' connection to the same desktop. guacd ignores mouse and keyboard on it."""
    return _connection(desktop.view_connection, desktop, session, vnc_password, read_only=True)


def _connection(name: str, desktop: Desktop, session: Session, vnc_password: str, *, read_only: bool) -> ConnectionSpec:
    spec = session.spec
    parameters = {
        HOSTNAME: desktop.hostname,
        "port": str(VNC_PORT),
        "password": vnc_password,
        "color-depth": str(spec.display.color_depth),
    }
    if read_only:
        # guacd ignores the input only for exactly this value.
        parameters["read-only"] = "true"
    return ConnectionSpec(
        name=name,
        parameters=parameters,
        attributes={
            "max-connections": str(spec.connections.total),
            "max-connections-per-user": str(spec.connections.per_user),
        },
    )


def client_url(public_url: str, record: ConnectionRecord, data_source: str) -> str:
    """Return the address of a connection for a browser.

    Guacamole's client identifier is the base64url encoding of `identifier NUL c NUL data source`.

    Args:
        public_url: Guacamole's address for browsers, with a trailing slash.
        record: the connection.
        data_source: the data source of the connection.
    """
    identifier = f"{record.identifier}\0c\0{data_source}".encode()
    return f"{public_url}guacamole/#/client/{base64.urlsafe_b64encode(identifier).decode().rstrip('=')}"
