"""The destination of a tunnel: the WebSocket's query is read and checked.

``tests/contract/test_tunnel.py`` has each refusal with the status that was measured on Guacamole 1.6.0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guapy import ClientCapabilities, GuacamoleConfiguration, GuacamoleStatus
from guapy.models import ScreenSize

from standin.errors import GuacamoleError

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from standin.directories.active import ActiveDirectory
    from standin.directories.connections import ConnectionDirectory
    from standin.sessions import Session
    from standin.state import State
    from standin.store.connections import Connection

SCREEN = {"GUAC_WIDTH": 1024, "GUAC_HEIGHT": 768, "GUAC_DPI": 96}
"""Width and height in pixels and resolution in dots per inch, for a client that names none."""


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """The tunnel must not be opened. The status is the reason, and closes the WebSocket."""

    def __init__(self, status: GuacamoleStatus) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True)
class Destination:
    """The connection that a tunnel leads to, and the handshake with guacd for it."""

    session: Session
    connection: Connection
    capabilities: ClientCapabilities
    configuration: GuacamoleConfiguration = field(repr=False)
    joined: str | None = None
    """The UUID of the running tunnel that this one joins; ``None`` for a tunnel with its own desktop connection."""


def destination(
    state: State, connections: ConnectionDirectory, active: ActiveDirectory, query: QueryParams
) -> Destination:
    """Read a tunnel's query.

    Raises:
        Refusal: The token is dead, the query is incomplete, or the session may not open what the query names.
    """
    session = state.sessions.find(query.get("token"))
    if session is None:
        raise Refusal(GuacamoleStatus.CLIENT_UNAUTHORIZED)
    identifier, source, kind = query.get("GUAC_ID"), query.get("GUAC_DATA_SOURCE"), query.get("GUAC_TYPE")
    capabilities = _capabilities(query, session.username)
    if not identifier or not source or kind not in ("c", "g", "a"):
        raise Refusal(GuacamoleStatus.CLIENT_BAD_REQUEST)
    if source != session.data_source:
        raise Refusal(GuacamoleStatus.RESOURCE_NOT_FOUND)
    try:
        if kind == "a":
            return _joined(active, session, identifier, capabilities)
        if kind == "c":
            return _own(state, session, connections.find(session, identifier), capabilities)
    except GuacamoleError:
        pass
    # The stand-in has no balancing groups (kind "g").
    raise Refusal(GuacamoleStatus.RESOURCE_NOT_FOUND)


def _own(state: State, session: Session, connection: Connection, capabilities: ClientCapabilities) -> Destination:
    most, most_of_user = (
        int(connection.attributes.get(name) or 0) for name in ("max-connections", "max-connections-per-user")
    )
    if 0 < most_of_user <= state.tunnels.places(connection.id, session.user):
        raise Refusal(GuacamoleStatus.CLIENT_TOO_MANY)
    if 0 < most <= state.tunnels.places(connection.id):
        raise Refusal(GuacamoleStatus.RESOURCE_CONFLICT)
    configuration = GuacamoleConfiguration(protocol=connection.protocol, parameters=connection.parameters)
    return Destination(session, connection, capabilities, configuration)


def _joined(active: ActiveDirectory, session: Session, uuid: str, capabilities: ClientCapabilities) -> Destination:
    tunnel = active.find(session, uuid)
    if not active.controls(session, tunnel):
        raise Refusal(GuacamoleStatus.CLIENT_FORBIDDEN)
    configuration = GuacamoleConfiguration(connection_id=tunnel.guacd_id)
    return Destination(session, tunnel.connection, capabilities, configuration, joined=tunnel.uuid)


def _capabilities(query: QueryParams, username: str) -> ClientCapabilities:
    try:
        width, height, dpi = (int(query.get(name) or default) for name, default in SCREEN.items())
        screen = ScreenSize(width, height, dpi)
    except ValueError:
        raise Refusal(GuacamoleStatus.CLIENT_BAD_REQUEST) from None
    return ClientCapabilities(
        screen=screen,
        audio_mimetypes=tuple(query.getlist("GUAC_AUDIO")),
        video_mimetypes=tuple(query.getlist("GUAC_VIDEO")),
        image_mimetypes=tuple(query.getlist("GUAC_IMAGE")) or ("image/png", "image/jpeg"),
        timezone=query.get("GUAC_TIMEZONE"),
        name=username,
    )
