"""The WebSocket tunnel between a browser and guacd.

The upgrade always succeeds. A refusal follows as a close frame whose reason is Guacamole's status code
(``tests/contract/test_tunnel.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from typing import TYPE_CHECKING

from guapy import (
    AsyncioTransportConnector,
    GuacamoleHandshake,
    GuacamoleStatus,
    GuacdConnectionError,
    GuapyError,
    Instruction,
)
from guapy.models import GuacdEndpoint
from starlette.websockets import WebSocketDisconnect, WebSocketState

from standin.destination import Destination, Refusal, destination
from standin.pump import Pump
from standin.tunnels import Tunnel

if TYPE_CHECKING:
    from guapy import AsyncioGuacdTransport
    from starlette.websockets import WebSocket

    from standin.directories.active import ActiveDirectory
    from standin.directories.connections import ConnectionDirectory
    from standin.state import State

SUBPROTOCOL = "guacamole"
HANDSHAKE_SECONDS = 15.0
"""The time that guacd has to connect to a desktop."""
_log = logging.getLogger("standin.tunnel")


class TunnelEndpoint:
    """The WebSocket endpoint ``/websocket-tunnel``."""

    def __init__(self, state: State, connections: ConnectionDirectory, active: ActiveDirectory) -> None:
        self._state = state
        self._connections = connections
        self._active = active

    async def serve(self, socket: WebSocket) -> None:
        """Serve one WebSocket from its upgrade to its end."""
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in socket.scope["subprotocols"] else None)
        try:
            status = await self._tunnel(socket)
        except WebSocketDisconnect:
            return
        if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(status.websocket_close_code, str(status.guacamole_status_code))

    async def _tunnel(self, socket: WebSocket) -> GuacamoleStatus:
        try:
            wanted = destination(self._state, self._connections, self._active, socket.query_params)
        except Refusal as refusal:
            return refusal.status
        try:
            transport, tunnel = await self._open(socket, wanted)
        except TimeoutError:
            return GuacamoleStatus.UPSTREAM_TIMEOUT
        except GuacdConnectionError as error:
            _log.warning("Connection %s: %s. Check that guacd runs.", wanted.connection.id, error)
            return GuacamoleStatus.SERVER_ERROR
        except GuapyError as error:
            _log.warning("Connection %s: guacd refused: %s", wanted.connection.id, error)
            return error.status
        try:
            await socket.send_text(Instruction.create("", tunnel.uuid).encode())
            return await Pump(socket, transport, tunnel.ended).run()
        finally:
            self._state.tunnels.end(tunnel.uuid)
            _log.info("Tunnel %s to connection %s closed", tunnel.uuid, tunnel.connection.id)
            await transport.close()

    async def _open(self, socket: WebSocket, wanted: Destination) -> tuple[AsyncioGuacdTransport, Tunnel]:
        reservation = self._state.tunnels.opening(wanted.connection.id, wanted.session.user)
        with contextlib.nullcontext() if wanted.joined else reservation:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                transport, guacd_id = await self._connect(wanted)
            tunnel = Tunnel(
                uuid=str(uuid.uuid4()),
                connection=wanted.connection,
                token=wanted.session.token,
                username=wanted.session.username,
                user=wanted.session.user,
                remote_host=socket.client.host if socket.client else "",
                start=self._state.now(),
                guacd_id=guacd_id,
                joined=wanted.joined,
            )
            self._list(tunnel)
        return transport, tunnel

    async def _connect(self, wanted: Destination) -> tuple[AsyncioGuacdTransport, str]:
        host = wanted.connection.attributes.get("guacd-hostname") or self._state.settings.guacd_host
        port = int(wanted.connection.attributes.get("guacd-port") or self._state.settings.guacd_port)
        transport = await AsyncioTransportConnector().connect(GuacdEndpoint(host, port))
        try:
            result = await GuacamoleHandshake(wanted.configuration, wanted.capabilities).perform(transport)
        except BaseException:
            await transport.close()
            raise
        return transport, result.connection_id

    def _list(self, tunnel: Tunnel) -> None:
        self._state.tunnels.add(tunnel)
        self._state.connections.opened(tunnel.connection.id, tunnel.start)
        _log.info("Tunnel %s to connection %s opened by %r", tunnel.uuid, tunnel.connection.id, tunnel.username)
