"""The WebSocket tunnel between a browser and guacd.

The upgrade always succeeds. A refusal follows as a close frame whose reason is Guacamole's status code.
``tests/contract/test_tunnel.py`` has each refusal with the status that was measured on Guacamole 1.6.0.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from typing import TYPE_CHECKING

from guapy import (
    AsyncioTransportConnector,
    ClientCapabilities,
    GuacamoleConfiguration,
    GuacamoleHandshake,
    GuacamoleStatus,
    GuacdConnectionError,
    GuapyError,
    Instruction,
)
from guapy.models import GuacdEndpoint, ScreenSize
from starlette.websockets import WebSocketDisconnect, WebSocketState

from standin.answers import GuacamoleError
from standin.pump import Pump
from standin.tunnels import Tunnel

if TYPE_CHECKING:
    from guapy import AsyncioGuacdTransport
    from starlette.datastructures import QueryParams
    from starlette.websockets import WebSocket

    from standin.connections import Connections
    from standin.state import Session, State
    from standin.store import Stored

SUBPROTOCOL = "guacamole"
HANDSHAKE_SECONDS = 15.0
"""The time that guacd has to connect to a desktop."""
SCREEN = {"GUAC_WIDTH": 1024, "GUAC_HEIGHT": 768, "GUAC_DPI": 96}
"""Width and height in pixels and resolution in dots per inch, for a client that names none."""
_log = logging.getLogger("standin.tunnel")


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """The tunnel must not be opened. The status is the reason, and closes the WebSocket."""

    def __init__(self, status: GuacamoleStatus) -> None:
        super().__init__(status.name)
        self.status = status


class TunnelEndpoint:
    """The WebSocket endpoint ``/websocket-tunnel``."""

    def __init__(self, state: State, connections: Connections) -> None:
        self._state = state
        self._connections = connections

    async def serve(self, socket: WebSocket) -> None:
        """Serve one WebSocket from its upgrade to its end."""
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in socket.scope["subprotocols"] else None)
        try:
            status = await self._tunnel(socket)
        except WebSocketDisconnect:
            return
        except Refusal as refusal:
            status = refusal.status
        if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(status.websocket_close_code, str(status.guacamole_status_code))

    async def _tunnel(self, socket: WebSocket) -> GuacamoleStatus:
        session = self._state.live_session(socket.query_params.get("token"))
        if session is None:
            raise Refusal(GuacamoleStatus.CLIENT_UNAUTHORIZED)
        capabilities = _capabilities(socket.query_params, session.username)
        connection = self._destination(session, socket.query_params)
        with self._state.tunnels.opening(connection.id, session.user):
            transport = await self._connect(connection, capabilities)
            tunnel = Tunnel(
                uuid=str(uuid.uuid4()),
                connection=connection.id,
                token=session.token,
                username=session.username,
                user=session.user,
                remote_host=socket.client.host if socket.client else "",
                start=self._state.now(),
            )
            self._state.tunnels.add(tunnel)
        try:
            self._state.store.used(connection.id, tunnel.start)
            _log.info("Tunnel %s to connection %s opened by %r", tunnel.uuid, connection.id, tunnel.username)
            await socket.send_text(Instruction.create("", tunnel.uuid).encode())
            return await Pump(socket, transport, tunnel.ended).run()
        finally:
            self._state.tunnels.end(tunnel.uuid)
            _log.info("Tunnel %s to connection %s closed", tunnel.uuid, connection.id)
            await transport.close()

    def _destination(self, session: Session, query: QueryParams) -> Stored:
        """Return the connection that a query names, if the session may open one more tunnel to it.

        Raises:
            Refusal: The query is incomplete, the session may not READ the connection, or the connection is full.
        """
        identifier, source, kind = query.get("GUAC_ID"), query.get("GUAC_DATA_SOURCE"), query.get("GUAC_TYPE")
        if not identifier or not source or kind not in ("c", "g", "a"):
            raise Refusal(GuacamoleStatus.CLIENT_BAD_REQUEST)
        # The stand-in has no balancing groups (kind "g"), and no tunnel joins another one (kind "a").
        if source != self._state.settings.data_source or kind != "c":
            raise Refusal(GuacamoleStatus.RESOURCE_NOT_FOUND)
        try:
            connection = self._connections.find(session, identifier)
        except GuacamoleError:
            raise Refusal(GuacamoleStatus.RESOURCE_NOT_FOUND) from None
        most, most_of_user = (
            int(connection.attributes.get(name) or 0) for name in ("max-connections", "max-connections-per-user")
        )
        if 0 < most_of_user <= self._state.tunnels.places(connection.id, session.user):
            raise Refusal(GuacamoleStatus.CLIENT_TOO_MANY)
        if 0 < most <= self._state.tunnels.places(connection.id):
            raise Refusal(GuacamoleStatus.RESOURCE_CONFLICT)
        return connection

    async def _connect(self, connection: Stored, capabilities: ClientCapabilities) -> AsyncioGuacdTransport:
        """Let guacd connect to a desktop.

        Raises:
            Refusal: guacd cannot be reached, refuses, or takes too long.
        """
        guacd = GuacdEndpoint(self._state.settings.guacd_host, self._state.settings.guacd_port)
        configuration = GuacamoleConfiguration(protocol=connection.trait, parameters=connection.hidden)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                transport = await AsyncioTransportConnector().connect(guacd)
                try:
                    await GuacamoleHandshake(configuration, capabilities).perform(transport)
                except BaseException:
                    await transport.close()
                    raise
        except TimeoutError:
            raise Refusal(GuacamoleStatus.UPSTREAM_TIMEOUT) from None
        except GuacdConnectionError as error:
            _log.warning("Connection %s: %s. Check that guacd runs.", connection.id, error)
            raise Refusal(GuacamoleStatus.SERVER_ERROR) from error
        except GuapyError as error:
            _log.warning("Connection %s: guacd refused: %s", connection.id, error)
            raise Refusal(error.status) from error
        return transport


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
