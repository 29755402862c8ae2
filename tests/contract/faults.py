"""A proxy before Guacamole with the failures of proxies, networks and servers, chosen by a seeded generator."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from http_servers import Silent, answering
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence
    from urllib.parse import SplitResult

FAULTS = ("refused", "lost", "error", "page", "bad gateway", "not found page", "denied", "slow")
_SLOW_SECONDS = 0.2
_PAGE = b"<html>a proxy's page</html>"
_ANSWERS = {
    "error": (500, "application/json", b'{"message": "Unexpected internal error"}'),
    "denied": (403, "application/json", b'{"message": "Permission denied."}'),
    "page": (200, "text/html", _PAGE),
    "bad gateway": (502, "text/html", _PAGE),
    "not found page": (404, "text/html", _PAGE),
}


class Faults:
    """Decides about each request. `rate` is the share of requests that fail; `kinds` are the ways to choose from."""

    def __init__(self, seed: int, rate: float, kinds: Sequence[str] = FAULTS) -> None:
        self.rate = rate
        self.kinds = list(kinds)
        self.url = ""
        self._die = random.Random(seed)  # noqa: S311 - to play, and to play the same again
        self._lock = threading.Lock()

    def roll(self) -> str:
        """Return the fault of the next request, empty for none."""
        with self._lock:
            return self._die.choice(self.kinds) if self._die.random() < self.rate else ""


class _Handler(Silent, BaseHTTPRequestHandler):
    """Hands a request on, or fails instead."""

    protocol_version = "HTTP/1.1"
    faults: Faults
    upstream: SplitResult

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.faults.roll()
        if fault in _ANSWERS:
            self._say(*_ANSWERS[fault])
            return
        if fault == "slow":
            threading.Event().wait(_SLOW_SECONDS)
        answer = self._handed_on(body) if fault != "refused" else None
        if answer is None or fault == "lost":
            self.close_connection = True
            return
        self._say(answer.status_code, answer.headers.get("Content-Type", ""), answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815 - http.server's names

    def _handed_on(self, body: bytes) -> requests.Response:
        passed = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
        url = f"{self.upstream.scheme}://{self.upstream.netloc}{self.path}"
        return requests.request(
            self.command, url, data=body, headers=passed, timeout=DEADLINE_SECONDS, allow_redirects=False
        )

    def _say(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if status != requests.codes.no_content:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect: the tests kill them."""


@contextmanager
def before(target: str, faults: Faults, tls: ssl.SSLContext | None = None) -> Iterator[Faults]:
    """Run the proxy before the Guacamole at `target`, by TLS with a context; `faults.url` is where it answers."""
    upstream = urlsplit(target)
    handler = type("Handler", (_Handler,), {"faults": faults, "upstream": upstream})
    server = _Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    faults.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}{upstream.path}"
    with answering(server):
        yield faults
