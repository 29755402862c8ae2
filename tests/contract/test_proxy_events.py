"""A real nginx with the proxy's configuration: events for open pages pass through it as they come."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest
import requests

from contract.proxies import HERE, Proxy, started
from http_servers import Silent, answering, loopback
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Portal(Silent, BaseHTTPRequestHandler):
    """Sends one event, and the next when the test says so, until the browser goes."""

    protocol_version = "HTTP/1.1"
    goes_on = threading.Semaphore(0)
    is_over = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"8\r\ndata: a\n\r\n")
                self.wfile.flush()
                self.goes_on.acquire(timeout=DEADLINE_SECONDS)
        except OSError:
            self.close_connection = True
            self.is_over.set()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with answering(loopback(Portal)) as server, started(tmp_path, server.server_port) as proxy:
        yield proxy
        Portal.goes_on.release(1000)


@pytest.mark.parametrize("path", ["/events", "/sessions/cart-x7k2p/events?stay=yes"])
def test_an_event_is_passed_on_at_once_and_a_browser_that_goes_ends_the_stream(proxy: Proxy, path: str) -> None:
    Portal.is_over.clear()
    headers = {"X-Forwarded-For": HERE}
    with requests.get(proxy.url + path, headers=headers, timeout=DEADLINE_SECONDS, stream=True) as answer:
        lines = answer.iter_lines()
        assert next(lines) == b"data: a"
        Portal.goes_on.release()
        assert next(lines) == b"data: a"

    def is_over() -> bool:
        Portal.goes_on.release()
        return Portal.is_over.is_set()

    until("the portal knows that the browser has gone", is_over)


def test_a_session_may_have_any_name(proxy: Proxy) -> None:
    """A folder of files that is called events is none of these."""
    with requests.get(
        f"{proxy.url}/sessions/events/events", headers={"X-Forwarded-For": HERE}, timeout=DEADLINE_SECONDS, stream=True
    ) as answer:
        assert next(answer.iter_lines()) == b"data: a"
