"""Exchanges messages with the agent over a Unix socket: one JSON object a line, in both directions."""

import contextlib
import json
import socket
from collections import deque
from pathlib import Path
from typing import Final

Message = dict[str, object]

MAX_QUEUED: Final = 100
"""Messages that are kept while the agent does not read. Older ones are dropped."""
_CHUNK_BYTES: Final = 64 * 1024
_MAX_LINE_BYTES: Final = 1024 * 1024


class Channel:
    """The bridge's end of the socket. No method waits; a lost connection is made again by the next `exchange`.

    Args:
        path: the agent's socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._queue: deque[Message] = deque(maxlen=MAX_QUEUED)
        self._state: Message | None = None
        self._unsent = b""
        self._received = b""

    def send(self, message: Message) -> None:
        """Queue a message."""
        self._queue.append(message)

    def report(self, state: Message) -> None:
        """Queue the newest state. One that was not sent yet is replaced."""
        self._state = state

    def exchange(self) -> list[Message]:
        """Send what the socket takes, and return what the agent sent."""
        if self._socket is None and not self._connect():
            return []
        try:
            self._flush()
            return self._read()
        except OSError:
            self._disconnect()
            return []

    def _connect(self) -> bool:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            return False
        self._socket = connection
        return True

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
        # The rest of a line is of no use to another agent.
        self._socket, self._unsent, self._received = None, b"", b""

    def _flush(self) -> None:
        assert self._socket is not None  # noqa: S101 - `exchange` has connected
        while True:
            if not self._unsent:
                # The state comes first, so that an answer never arrives before what it brought about.
                if self._state is not None:
                    message, self._state = self._state, None
                elif self._queue:
                    message = self._queue.popleft()
                else:
                    return
                # A file name may be no text, which nobody could print or send on.
                self._unsent = json.dumps(message, ensure_ascii=False).encode(errors="replace") + b"\n"
            try:
                # Without MSG_NOSIGNAL, an agent that is gone would end Blender by SIGPIPE.
                sent = self._socket.send(self._unsent, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            self._unsent = self._unsent[sent:]

    def _read(self) -> list[Message]:
        assert self._socket is not None  # noqa: S101 - `exchange` has connected
        with contextlib.suppress(BlockingIOError):
            while True:
                chunk = self._socket.recv(_CHUNK_BYTES)
                if not chunk or len(self._received) > _MAX_LINE_BYTES:
                    self._disconnect()
                    return []
                self._received += chunk
        *lines, self._received = self._received.split(b"\n")
        messages = []
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                message = json.loads(line)
                if isinstance(message, dict):
                    messages.append(message)
        return messages
