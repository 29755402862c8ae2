"""A real nginx with the proxy's configuration: what one address may ask for, and what others get meanwhile."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract.proxies import BURST, CONNECTIONS, THERE, Proxy, started
from http_servers import Silent, answering, loopback
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator


class Upstream(Silent, BaseHTTPRequestHandler):
    """Guacamole and the portal: answers everything at once, but a tunnel only when the test says so."""

    protocol_version = "HTTP/1.1"
    end_of_tunnels = threading.Event()
    tunnels = threading.Semaphore(0)

    def do_GET(self) -> None:
        if self.path == "/guacamole/websocket-tunnel":
            self.tunnels.release()
            self.end_of_tunnels.wait(DEADLINE_SECONDS)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with answering(loopback(Upstream)) as server:
        yield server.server_port
        Upstream.end_of_tunnels.set()


@pytest.fixture
def proxy(tmp_path: Path, upstream: int) -> Iterator[Proxy]:
    Upstream.end_of_tunnels.clear()
    with started(tmp_path, upstream) as proxy:
        yield proxy
        Upstream.end_of_tunnels.set()


@pytest.mark.parametrize("path", ["/sessions", "/guacamole/api/tokens"])
def test_forms_and_sign_ins_of_one_address_are_limited(proxy: Proxy, path: str) -> None:
    statuses = proxy.statuses("POST", path, 20 * BURST)
    assert set(statuses[: BURST + 1]) == {200}, "a burst passes"
    assert 429 in statuses
    assert proxy.statuses("POST", path, BURST, THERE) == [200] * BURST, "another address is served"


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/guacamole/tunnel"), ("GET", "/-/healthz")])
def test_pages_and_tunnels_are_not_limited(proxy: Proxy, method: str, path: str) -> None:
    assert set(proxy.statuses(method, path, 20 * BURST)) == {200}


def test_the_open_connections_of_one_address_are_limited(proxy: Proxy) -> None:
    def tunnel() -> None:
        proxy.send("GET", "/guacamole/websocket-tunnel")

    tunnels = [threading.Thread(target=tunnel, daemon=True) for _ in range(CONNECTIONS)]
    for each in tunnels:
        each.start()
    for _ in tunnels:
        assert Upstream.tunnels.acquire(timeout=DEADLINE_SECONDS)
    assert proxy.send("GET", "/guacamole/").status_code == 429
    assert proxy.send("GET", "/guacamole/", THERE).status_code == 200
    Upstream.end_of_tunnels.set()
    until("a place is free again", lambda: proxy.send("GET", "/guacamole/").status_code == 200)
    for each in tunnels:
        each.join(DEADLINE_SECONDS)


def test_no_other_site_shows_guacamole_in_a_frame(proxy: Proxy) -> None:
    headers = proxy.send("GET", "/guacamole/").headers
    assert headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("path", ["/", "/guacamole/", "/-/healthz", "/guacamole/api/tokens"])
def test_https_is_demanded_where_the_administrator_says_so(tmp_path: Path, upstream: int, path: str) -> None:
    with started(tmp_path, upstream, HSTS_SECONDS="31536000") as proxy:
        header = "Strict-Transport-Security"
        assert proxy.send("GET", path, **{"X-Forwarded-Proto": "https"}).headers[header] == "max-age=31536000"
        assert header not in proxy.send("GET", path).headers, "the connection is not https"


def test_https_is_not_demanded_by_itself(proxy: Proxy) -> None:
    headers = proxy.send("GET", "/", **{"X-Forwarded-Proto": "https"}).headers
    assert "Strict-Transport-Security" not in headers


def test_both_families_of_addresses_are_served(proxy: Proxy) -> None:
    """Where the kernel has both. Where it has one, nginx starts all the same."""
    with socket.socket(socket.AF_INET6) as probe:
        answers = probe.connect_ex(("::1", int(proxy.url.rpartition(":")[2]))) == 0
    assert answers == Path("/proc/net/if_inet6").exists()
