"""HTTP servers of tests, each in a thread of its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeVar

from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler

Server = TypeVar("Server", bound=ThreadingHTTPServer)

STOP_SECONDS = 0.02
"""How soon a server sees that it is to stop. Most tests that have one start a new one."""


class Silent:
    """The part of a request handler that writes nothing about the requests."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


def loopback(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Return a server on a free loopback port. It listens, and answers nothing yet."""
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


@contextmanager
def answering(server: Server) -> Iterator[Server]:
    """Have a server answer while the block runs, and close it."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(STOP_SECONDS,), name="http server", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive(), "the server did not stop"
