"""A real nginx with the proxy's configuration: files pass through it as they come, whatever their size."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar

import pytest

from contract.proxies import BURST, Proxy, started
from http_servers import Silent, answering, loopback
from network_buffers import MORE_THAN_BUFFERS
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "/sessions/cart-x7k2p/files/renders/a.png"
SCENE = "/sessions/cart-x7k2p/scene/cart.blend"


class Portal(Silent, BaseHTTPRequestHandler):
    """Takes and sends files as fast as the proxy does."""

    protocol_version = "HTTP/1.1"
    sent: ClassVar[int] = 0
    begun = threading.Event()
    paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(MORE_THAN_BUFFERS))
        self.end_headers()
        try:
            while Portal.sent < MORE_THAN_BUFFERS:
                self.wfile.write(bytes(2**16))
                Portal.sent += 2**16
        except OSError:
            self.close_connection = True

    def do_PUT(self) -> None:
        Portal.paths.append(self.path)
        left = int(self.headers["Content-Length"])
        while left and (part := self.rfile.read(min(left, 1000))):
            left -= len(part)
            Portal.begun.set()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_PUT()


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with answering(loopback(Portal)) as server:
        yield server.server_port


@pytest.fixture
def proxy(tmp_path: Path, upstream: int) -> Iterator[Proxy]:
    Portal.begun.clear()
    Portal.paths.clear()
    Portal.sent = 0
    with started(tmp_path, upstream) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2])), DEADLINE_SECONDS)


@pytest.mark.parametrize("target", [f"PUT {FILE}", f"PUT {SCENE}", "POST /sessions/cart-x7k2p/files?path=renders"])
def test_a_file_of_any_size_is_passed_on_while_it_comes(proxy: Proxy, target: str) -> None:
    with connect(proxy) as browser:
        browser.sendall(
            f"{target} HTTP/1.1\r\nHost: h\r\nContent-Length: {MORE_THAN_BUFFERS}\r\n\r\n".encode() + bytes(100_000)
        )
        assert Portal.begun.wait(DEADLINE_SECONDS), "the portal gets the first bytes before the last ones are sent"
        browser.sendall(bytes(MORE_THAN_BUFFERS - 100_000))
        assert browser.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_form_is_as_small_as_before(proxy: Proxy) -> None:
    with connect(proxy) as browser:
        browser.sendall(f"POST /sessions HTTP/1.1\r\nHost: h\r\nContent-Length: {MORE_THAN_BUFFERS}\r\n\r\n".encode())
        assert browser.recv(1000).startswith(b"HTTP/1.1 413")
    assert Portal.paths == []


def test_names_are_passed_on_as_they_were_written(proxy: Proxy) -> None:
    address = "/sessions/a/files/50%25%20K%C3%BCche%3F/%23%2B1;a=b"
    assert proxy.send("PUT", address, **{"Content-Length": "0"}).status_code == 200
    assert Portal.paths == [address]


def test_many_files_of_one_person_are_no_flood_of_forms(proxy: Proxy) -> None:
    assert set(proxy.statuses("PUT", FILE, 10 * BURST)) == {200}
    assert 429 in proxy.statuses("POST", "/sessions/cart-x7k2p/scene", 20 * BURST)


@pytest.mark.parametrize("path", [FILE, "/sessions/cart-x7k2p/archive?path="])
def test_what_a_browser_does_not_take_is_not_piled_up(proxy: Proxy, path: str) -> None:
    with connect(proxy) as browser:
        browser.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
        seen = -1

        def stands_still() -> bool:
            nonlocal seen
            before, seen = seen, Portal.sent
            return 0 < seen == before

        until("the portal can send no more", stands_still, pause=0.3)
        assert Portal.sent < MORE_THAN_BUFFERS
        taken = 0
        while part := browser.recv(2**16):
            taken += len(part)
        assert taken > MORE_THAN_BUFFERS
