"""A client asks its guard when a request is about to leave, and not only when it was begun."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from blendersessions.clients.guacamole.transport import GuacamoleTransport
from blendersessions.clients.kubernetes.client import Kubernetes
from blendersessions.clients.write_guard import WriteGuard
from blendersessions.model.errors import System, Unavailable
from blendersessions.model.manifest import Ref
from http_servers import Silent, answering

if TYPE_CHECKING:
    from collections.abc import Iterator

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "art", "name": "blender-x"}}


class Lease:
    """Lets a number of requests through."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.guard = WriteGuard(self.check, delivery_seconds=3.0)

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Unavailable("another operator leads", System.OWN)


async def test_kubernetes_is_read_without_a_lease_and_not_changed() -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.json_response(POD)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    lease = Lease(1)
    kubernetes = Kubernetes(ApiClient(Configuration(host=str(server.make_url("")).rstrip("/"))), guard=lease.guard)
    await kubernetes.create(POD)
    for change in (
        kubernetes.create(POD),
        kubernetes.apply(POD),
        kubernetes.merge(Ref("Pod", "art", "blender-x"), {}),
        kubernetes.replace(POD),
        kubernetes.delete(Ref("Pod", "art", "blender-x"), "uid"),
    ):
        with pytest.raises(Unavailable, match="another operator leads"):
            await change
    await kubernetes.get(Ref("Pod", "art", "blender-x"))
    assert seen == ["POST", "GET"]
    await kubernetes.close()
    await server.close()


class Guacamole(ThreadingHTTPServer):
    """Takes each request, and breaks the connection as often as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[str] = []
        self.breaks = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/guacamole/"


class Handler(Silent, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Guacamole

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(self.path)
        if self.server.breaks:
            self.server.breaks -= 1
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def guacamole() -> Iterator[Guacamole]:
    with answering(Guacamole()) as server:
        yield server


async def test_guacamole_is_not_asked_without_a_lease(guacamole: Guacamole) -> None:
    lease = Lease(0)
    transport = GuacamoleTransport(guacamole.url, guard=lease.guard)
    with pytest.raises(Unavailable, match="another operator leads"):
        await transport.send("PUT", "api/session/data/x/users/ann", body={})
    await transport.close()
    assert guacamole.seen == []


async def test_a_broken_request_is_not_sent_again_once_the_lease_is_lost(guacamole: Guacamole) -> None:
    """A process that is stopped in the middle of a request finds its connection broken when it goes on."""
    guacamole.breaks = 1
    whole = Lease(1000)
    transport = GuacamoleTransport(guacamole.url, guard=whole.guard)
    await transport.send("PUT", "api/session/data/x/users/ann", body={})
    assert len(guacamole.seen) == 2, "with the Lease it is sent again"
    parts = (1000 - whole.left) // 2
    await transport.close()

    guacamole.breaks = 1
    lease = Lease(parts)
    transport = GuacamoleTransport(guacamole.url, guard=lease.guard)
    with pytest.raises(Unavailable, match="another operator leads"):
        await transport.send("PUT", "api/session/data/x/users/ann", body={})
    await transport.close()
    assert len(guacamole.seen) == 3


async def test_what_is_not_delivered_in_time_is_given_up_by_the_kernel(
    guacamole: Guacamole, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int, int]] = []
    real = socket.socket.setsockopt

    def record(self: socket.socket, *option: int) -> None:
        given.append(option)  # type: ignore[arg-type]
        real(self, *option)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "setsockopt", record)
    transport = GuacamoleTransport(guacamole.url, guard=Lease(1000).guard)
    await transport.send("PUT", "api/session/data/x/users/ann", body={})
    await transport.close()
    wanted = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000)
    assert wanted in given

    given.clear()
    configuration = Configuration(host=guacamole.url.rstrip("/"))
    kubernetes = Kubernetes(ApiClient(configuration), guard=Lease(1000).guard)
    with pytest.raises(Unavailable):
        await kubernetes.replace(POD)
    await kubernetes.close()
    assert wanted in given
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in given, "a watch sends nothing that could stay undelivered"
