"""Opens a link in the browser without its token on a command line, which every user of the machine can read."""

from __future__ import annotations

import http.server
import os
import secrets
import threading
import webbrowser
from pathlib import Path
from typing import Final, Self

WAIT_SECONDS: Final = 60.0
"""How long the browser has to ask for the link."""
NOBODY: Final = -1
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""The kernel's tables of connections, with the user of each (proc_net_tcp in Linux' documentation)."""
_LOCAL, _REMOTE, _USER = 1, 2, 7
_LOOPBACK: Final = "0100007F"


def open_link(address: str) -> bool:
    """Open an address in the browser; return whether the browser has taken it.

    The browser gets an address on this machine, which leads to the link once, and for this user alone.
    """
    with _Redirect(address) as redirect:
        return webbrowser.open(redirect.url) and redirect.taken.wait(WAIT_SECONDS)


class _Redirect(http.server.ThreadingHTTPServer):
    """Redirects the first visit of its secret path."""

    def __init__(self, address: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = address
        self.path = f"/{secrets.token_urlsafe(32)}"
        self.url = f"http://127.0.0.1:{self.server_port}{self.path}"
        self.taken = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def take(self, path: str, port: int) -> str:
        """Return the address for the first visit of our own user; empty for any other."""
        with self._lock:
            ours = user_of(port, self.server_port) in (os.getuid(), None)
            if self.taken.is_set() or not ours or not secrets.compare_digest(path.encode(), self.path.encode()):
                return ""
            self.taken.set()
            return self.address


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Redirect

    def do_GET(self) -> None:
        """Redirect, or say that there is nothing."""
        address = self.server.take(self.path, self.client_address[1])
        self.send_response(302 if address else 404)
        if address:
            self.send_header("Location", address)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing: the path is a secret."""


def user_of(port: int, server_port: int) -> int | None:
    """Return the user who has the loopback connection from one port to another.

    It is `NOBODY` if there is no such connection, and None where the system does not say.
    """
    wanted = (f"{_LOOPBACK}:{port:04X}", f"{_LOOPBACK}:{server_port:04X}")
    try:
        # A socket of IPv6 may have a connection of IPv4. Its addresses end in those of IPv4.
        rows = [line.split() for table in _TABLES if table.exists() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return None
    if not rows:
        return None
    users = (int(row[_USER]) for row in rows if (row[_LOCAL][-13:], row[_REMOTE][-13:]) == wanted)
    return next(users, NOBODY)
