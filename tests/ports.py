"""Loopback ports that nobody else gets between the moment when they are chosen and the moment when they are used."""

from __future__ import annotations

import socket
from typing import Self


class HeldPort:
    """A port that is bound and not listened on: connections to it are refused, and no other program gets it by chance.

    A server that sets SO_REUSEADDR, as asyncio's, http.server's and Go's do, can listen on it meanwhile.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = int(self._socket.getsockname()[1])

    def release(self) -> None:
        """Give the port back."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
