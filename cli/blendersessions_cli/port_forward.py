"""Port forwarding by the API server: a socket of this user's own that leads to a port in a pod.

The API server forwards one connection for each WebSocket, in the sub-protocol `v4.channel.k8s.io`: the first byte of
a message is its channel, 0 for data and 1 for an error, and the first message of a channel is the port. Kubernetes
documents it in k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import aiohttp

from blendersessions.model.errors import DomainError, Invalid, NotFound, System, Unauthorised, Unavailable
from blendersessions.model.fields import foreign_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from kubernetes.aio.client.api_client import ApiClient

_PROTOCOL: Final = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_PORT_BYTES: Final = 2
_PART_BYTES: Final = 2**17
_CONNECT_SECONDS: Final = 30.0
_MAX_ERROR_CHARACTERS: Final = 300
_FORBIDDEN: Final = (401, 403)


class PortForward:
    """Forwards each connection to its socket, to one port of one pod.

    Attributes:
        socket: the path of the socket, which only this user can reach.
        failure: why the last connection could not be forwarded; None if all could.
    """

    def __init__(self, api: ApiClient, namespace: str, pod: str, port: int, socket: Path) -> None:
        self._api = api
        self._namespace = namespace
        self._pod = pod
        self._port = port
        self.socket = socket
        self.failure: DomainError | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=api.rest_client.ssl_context), trust_env=True
        )

    async def close(self) -> None:
        """End all connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side closes it."""
        # The server keeps no reference to the task that runs this.
        task = asyncio.ensure_future(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait([task])

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.failure = None
        try:
            async with await self._connect() as socket:
                await _until_one_ends(_out(reader, socket), self._in(socket, writer))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self.failure = self._refusal(error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        configuration = self._api.configuration
        headers: dict[str, str] = {}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        place = f"/api/v1/namespaces/{quote(self._namespace, safe='')}/pods/{quote(self._pod, safe='')}/portforward"
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await self._session.ws_connect(
                f"{configuration.host}{place}?ports={self._port}",
                protocols=[_PROTOCOL],
                headers=headers,
                proxy=configuration.proxy,
                proxy_headers=configuration.proxy_headers,
                server_hostname=configuration.tls_server_name,
            )

    async def _in(self, socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
        """Pass on what the pod sends. The next message is read when there is room for it."""
        heads = {_DATA: _PORT_BYTES, _ERROR: _PORT_BYTES}
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], memoryview(message.data)[1:]
            head = min(heads.get(channel, 0), len(data))
            if head:
                heads[channel] -= head
            if channel == _DATA:
                writer.write(data[head:])
                try:
                    await writer.drain()
                except OSError:
                    # Our own side has all that it wanted. That is no failure of the forwarding.
                    return
            elif channel == _ERROR and len(data) > head:
                words = foreign_text(bytes(data[head:]).decode("utf-8", "replace"), _MAX_ERROR_CHARACTERS)
                self.failure = Unavailable(
                    f"The desktop {self._pod} cannot be reached: {words.strip()}", System.KUBERNETES
                )

    def _refusal(self, error: Exception) -> DomainError:
        status = error.status if isinstance(error, aiohttp.WSServerHandshakeError) else 0
        if status in _FORBIDDEN:
            return Unauthorised(
                f"You may not forward ports to the pod {self._namespace}/{self._pod}, by which files go in and out. Ask"
                f" your administrator for it: kubectl create role files-of-{self._pod} --namespace {self._namespace}"
                f" --verb=get,create --resource=pods/portforward --resource-name={self._pod}, and a role binding to"
                " you.",
                System.KUBERNETES,
            )
        if status == 404:
            return NotFound(f"The desktop {self._pod} in the namespace {self._namespace} is gone.", System.KUBERNETES)
        what = f"HTTP status {status}" if status else type(error).__name__
        return Unavailable(
            f"The API server does not forward a port to {self._pod} ({what}). Try again.", System.KUBERNETES
        )


@asynccontextmanager
async def forwarding(api: ApiClient, namespace: str, pod: str, port: int) -> AsyncIterator[PortForward]:
    """Forward a port of a pod while the block runs.

    Raises:
        DomainError: a connection could not be forwarded, and the block failed for it.
    """
    with tempfile.TemporaryDirectory(prefix="blendersessions-") as folder:
        forward = PortForward(api, namespace, pod, port, Path(folder) / "agent.sock")
        try:
            server = await asyncio.start_unix_server(forward.forward, path=forward.socket, limit=_PART_BYTES)
        except OSError as error:
            await forward.close()
            raise Invalid(
                f"There can be no socket in {folder} ({error}). Name another, short folder in TMPDIR.", System.OWN
            ) from error
        try:
            yield forward
        except Unavailable as error:
            if forward.failure is not None:
                raise forward.failure from error
            raise
        finally:
            server.close()
            await forward.close()


async def _until_one_ends(*directions: Coroutine[None, None, None]) -> None:
    """Run the directions of a connection until one ends, and end the other."""
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def _out(reader: asyncio.StreamReader, socket: aiohttp.ClientWebSocketResponse) -> None:
    """Pass on what is for the pod, as fast as the API server takes it."""
    with contextlib.suppress(ConnectionResetError):
        # Our own side may end its connection in the middle, as when a file is refused.
        while part := await reader.read(_PART_BYTES):
            await socket.send_bytes(bytes([_DATA]) + part)
