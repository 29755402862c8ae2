"""Sends requests to the API server, with the library's credentials and over connections of our own."""

from __future__ import annotations

import functools
import socket
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson

from blendersessions.clients.kubernetes.answers import FIRST_ERROR_STATUS, decode, error, unreachable
from blendersessions.model.errors import System, Unavailable

if TYPE_CHECKING:
    from aiohttp.connector import Connection
    from kubernetes.aio.client.api_client import ApiClient

    from blendersessions.clients.instrumentation import RequestHook
    from blendersessions.clients.kubernetes.requests import Request
    from blendersessions.clients.write_guard import WriteGuard
    from blendersessions.model.manifest import Manifest

_MAX_WATCH_LINE_BYTES: Final = 2**21
"""Size of one event of a watch. etcd takes objects of up to 1.5 MiB."""
_KEEP_ALIVE_SECONDS: Final = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5}
"""After how long without a packet the other side is asked whether it is there, and the pause between two questions. A
watch sends nothing, so its end would not be noticed for over a minute where a network drops packets (tcp(7))."""
_KEEP_ALIVE_QUESTIONS: Final = 3
_READING: Final = frozenset({"GET", "HEAD"})


class TooLongError(Exception):
    """An answer is longer than it may be."""


class Transport:
    """The connections to one API server.

    Args:
        api: the library's client, which has the credentials.
        on_request: called after each request.
        guard: asked before each request that changes something; None if it may always be sent.
    """

    def __init__(self, api: ApiClient, on_request: RequestHook, guard: WriteGuard | None) -> None:
        self._api = api
        self._on_request = on_request
        self._guard = guard
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        await self._api.close()  # type: ignore[no-untyped-call]

    async def answer(self, request: Request) -> tuple[Manifest, int]:
        """Send a request; return the decoded answer and its length in bytes.

        Raises:
            TooLongError: the answer is longer than it may be.
        """
        about = request.about or request.ref
        code, started = 0, time.monotonic()
        try:
            response = await self.send(request)
            text = await _read(response, request.most_bytes)
            code = response.status
        except (TimeoutError, aiohttp.ClientError, OSError) as failure:
            raise unreachable(failure) from failure
        finally:
            self._on_request(request.method, request.plural, time.monotonic() - started, code)
        decoded = decode(text)
        if code >= FIRST_ERROR_STATUS:
            raise error(about, code, decoded)
        if not decoded:
            # A proxy before the API server may answer this. It must not be mistaken for an empty list.
            raise Unavailable(f"{about}: the answer is no object of the Kubernetes API.", System.KUBERNETES)
        return decoded, len(text)

    async def send(self, request: Request) -> aiohttp.ClientResponse:
        """Send a request, and return the begin of its answer. The library's own call takes twice as long to encode it.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: there is no answer.
        """
        headers = {"Accept": request.accept, "Content-Type": request.content_type}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", request.method, request.body)
        if self._session is None:
            self._session = _open_session(self._api, self._guard)
        configuration = self._api.configuration
        return await self._session.request(
            request.method,
            request.url(configuration.host),
            headers=headers,
            data=None if request.body is None else orjson.dumps(request.body),
            timeout=request.timeout,
            proxy=configuration.proxy,
            proxy_headers=configuration.proxy_headers,
            server_hostname=configuration.tls_server_name,
        )


def _open_session(api: ApiClient, guard: WriteGuard | None) -> aiohttp.ClientSession:
    configuration = api.configuration
    options: dict[str, Any] = {"trust_env": True, "read_bufsize": _MAX_WATCH_LINE_BYTES} | (
        configuration.client_session_kwargs or {}
    )
    if guard is not None:
        options["request_class"] = type("GuardedRequest", (_GuardedRequest,), {"guard": guard})
    connector = aiohttp.TCPConnector(
        limit=configuration.connection_pool_maxsize,
        ssl=api.rest_client.ssl_context,
        socket_factory=functools.partial(_open_socket, guard),
    )
    return aiohttp.ClientSession(connector=connector, **options)


async def _read(response: aiohttp.ClientResponse, most_bytes: int | None) -> bytes:
    """Read an answer; raises `TooLongError` and ends the connection if it is longer than it may be."""
    if most_bytes is None:
        return await response.read()
    parts, room = [], most_bytes
    async for part in response.content.iter_any():
        parts.append(part)
        room -= len(part)
        if room < 0:
            response.close()
            raise TooLongError
    return b"".join(parts)


def _open_socket(guard: WriteGuard | None, address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in {**_KEEP_ALIVE_SECONDS, "TCP_KEEPCNT": _KEEP_ALIVE_QUESTIONS}.items():
        # The command runs on other systems too, and not all of them have these.
        if hasattr(socket, name):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if guard is not None:
        opened.setsockopt(*guard.socket_option)
    return opened


class _GuardedRequest(aiohttp.ClientRequest):
    """Asks a guard when a request that changes something has its connection."""

    guard: WriteGuard

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if self.method not in _READING:
            self.guard.check()
        return await super().send(conn)
