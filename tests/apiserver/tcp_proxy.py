"""A way to a server that a test can cut, and can make lose answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit

from ports import HeldPort

FOREVER = 10**9


class DirectAddress:
    """Guacamole's own address, with no proxy in between."""

    def __init__(self, url: str) -> None:
        self.url = url


TLS_END_BYTES = 24
"""A record of TLS 1.3 with an alert, which ends a connection: header 5, alert 2, type 1, tag 16 (RFC 8446, section 5).
No request is as short."""


class TcpProxy:
    """A proxy to one server on a fixed port. While it is cut, it refuses connections and ends open ones."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._port = HeldPort()
        self._listener = self._listen()
        self.url = f"http://127.0.0.1:{self._port.number}{self._target.path}"
        self.answers_left = FOREVER
        """How many more answers pass. After them Guacamole carries a request out, and its answer is lost."""
        self.bytes_sent = 0
        """How many bytes clients have sent through it, but for the record that ends a connection of TLS 1.3."""
        self._serve()

    def cut(self) -> None:
        """Refuse new connections, and end open ones."""
        with self._lock:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            for each in list(self._sockets):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        """Let everything through again."""
        self.answers_left = FOREVER
        self._listener = self._listen()
        self._serve()

    def close(self) -> None:
        """Cut it for good, and release the port."""
        self.cut()
        self._port.release()

    def _listen(self) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port.number))
        listener.listen(64)
        return listener

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((self._target.hostname or "", self._target.port or 80))
            with self._lock:
                if listener is not self._listener or listener.fileno() < 0:
                    # The proxy was cut while this connection was being opened.
                    client.close()
                    server.close()
                    return
                self._sockets |= {client, server}
            for source, sink, counts in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, sink, counts), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if counts:
                    if self.answers_left <= 0:
                        break
                    self.answers_left -= 1
                elif len(data) != TLS_END_BYTES:
                    with self._lock:
                        self.bytes_sent += len(data)
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.discard(source)
        source.close()
