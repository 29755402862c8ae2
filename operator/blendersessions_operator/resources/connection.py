"""A desktop's connections in Guacamole, and their addresses for browsers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from blendersessions.model.access import HOSTNAME, ConnectionRecord, ConnectionSpec
from blendersessions.model.container import VNC_PORT
from blendersessions.model.desktop import connection_name

if TYPE_CHECKING:
    from blendersessions.model.desktop import Desktop
    from blendersessions.model.session import Session

VIEW_ONLY: Final = {
    "read-only": "true",
    "disable-copy": "true",
    "disable-paste": "true",
    "disable-display-resize": "true",
}
"""Parameters for guacd. It ignores mouse and keyboard, passes no clipboard on in either direction, and does not give
the desktop the size of a viewer's window, which the owner would see too. guacd heeds only exactly this value."""


def connection(desktop: Desktop, session: Session, vnc_password: str) -> ConnectionSpec:
    """Build the owner's connection. Default values are left out, because Guacamole does not store empty ones."""
    name = connection_name(desktop.name, f"{session.namespace}/{session.name}")
    only = {"read-only": "true"} if session.spec.display.read_only else {}
    return _connection(name, desktop, session, vnc_password, only)


def view_connection(desktop: Desktop, session: Session, vnc_password: str) -> ConnectionSpec:
    """Build the viewers' connection to the same desktop, on which nothing of theirs has an effect on it."""
    name = connection_name(desktop.view_connection, f"{session.namespace}/{session.name}", ", view only")
    return _connection(name, desktop, session, vnc_password, VIEW_ONLY)


def _connection(
    name: str, desktop: Desktop, session: Session, vnc_password: str, only: dict[str, str]
) -> ConnectionSpec:
    spec = session.spec
    parameters = {
        HOSTNAME: desktop.hostname,
        "port": str(VNC_PORT),
        "password": vnc_password,
        "color-depth": str(spec.display.color_depth),
    }
    return ConnectionSpec(
        name=name,
        parameters=parameters | only,
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
