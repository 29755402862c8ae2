"""A real nginx with the proxy's configuration: what one address may ask for, and what others get meanwhile."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from localcluster import packages
from ports import HeldPort
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = Path(__file__).parents[2] / "images" / "proxy"
BURST = 4
CONNECTIONS = 3
HERE, THERE = "192.0.2.7", "2001:db8::7"


class Upstream(http.server.BaseHTTPRequestHandler):
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

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@dataclass(frozen=True)
class Proxy:
    """A running proxy that believes what the test says about its addresses."""

    url: str

    def send(self, method: str, path: str, address: str = HERE, **headers: str) -> requests.Response:
        """Send a request that comes from an address."""
        return requests.request(
            method, self.url + path, headers={"X-Forwarded-For": address, **headers}, timeout=DEADLINE_SECONDS
        )

    def statuses(self, method: str, path: str, times: int, address: str = HERE) -> list[int]:
        """Send a request some times, one after the other, and return the statuses of the answers."""
        return [self.send(method, path, address).status_code for _ in range(times)]


@contextmanager
def started(folder: Path, upstream: int, **environment: str) -> Iterator[Proxy]:
    """Run the image's own start, with its files and its port in other places."""
    with HeldPort() as port:
        for file in IMAGE.iterdir():
            text = file.read_text().replace("/tmp/", f"{folder}/").replace("/etc/blender-sessions", str(folder))
            (folder / file.name).write_text(
                text.replace("listen 8080", f"listen {port.number}").replace(
                    "listen [::]:8080", f"listen [::]:{port.number}"
                )
            )
        variables = {
            "GUACAMOLE_UPSTREAM": f"127.0.0.1:{upstream}",
            "PORTAL_UPSTREAM": f"127.0.0.1:{upstream}",
            "TRUSTED_PROXIES": "127.0.0.0/8",
            "REQUESTS_PER_SECOND": "1",
            "BURST": str(BURST),
            "CONNECTIONS": str(CONNECTIONS),
        }
        process = subprocess.Popen(
            ["/bin/sh", folder / "start"],
            env={"PATH": f"{os.environ['PATH']}:/usr/sbin"} | variables | environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            until("nginx listens", lambda: process.poll() is not None or _listens(port.number))
            assert process.poll() is None, "nginx did not start"
            yield Proxy(f"http://127.0.0.1:{port.number}")
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    packages.ensure("nginx", "gettext-base")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        Upstream.end_of_tunnels.set()
        server.shutdown()
        thread.join(DEADLINE_SECONDS)


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
