"""A small VNC client for what vncdo cannot do: to log in and stay, any key, and the clipboard in any script.

It follows https://github.com/rfbproto/rfbproto/blob/master/rfbproto.rst, with its sections ClientCutText and Extended
Clipboard Pseudo-Encoding.
"""

from __future__ import annotations

import socket
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Self

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = b"RFB 003.008\n"
VNC_AUTHENTICATION = 2
EXTENDED_CLIPBOARD = 0xC0A1E5CE
TEXT, CAPS, REQUEST, NOTIFY, PROVIDE = 1, 1 << 24, 1 << 25, 1 << 27, 1 << 28


class Viewer:
    """One client that has logged in."""

    def __init__(self, connection: socket.socket, stream: BinaryIO) -> None:
        self._connection = connection
        self._stream = stream

    @classmethod
    @contextmanager
    def connected(cls, address: str, port: int, password: str) -> Iterator[Self]:
        """Log in, and hang up after the block.

        Raises:
            AssertionError: the server refused.
        """
        connection = socket.create_connection((address, port), timeout=DEADLINE_SECONDS)
        with connection, connection.makefile("rb") as stream:
            viewer = cls(connection, stream)
            viewer._log_in(password)
            yield viewer

    def type_text(self, text: str) -> None:
        """Press and release the key of each character."""
        for character in text:
            for is_down in (1, 0):
                self._connection.sendall(struct.pack(">BBxxI", 4, is_down, keysym(character)))

    def copy_latin(self, text: str) -> None:
        """Put text into the desktop's clipboard by the message that knows Latin-1 only."""
        data = text.encode("latin-1")
        self._connection.sendall(struct.pack(">Bxxxi", 6, len(data)) + data)

    def offer(self, text: str) -> None:
        """Put text into the desktop's clipboard by the extension for any script; return when a program took it."""
        self._connection.sendall(struct.pack(">BxHI", 2, 1, EXTENDED_CLIPBOARD))
        self._wait_for(CAPS)
        self._send_extended(CAPS | REQUEST | NOTIFY | PROVIDE | TEXT, struct.pack(">I", 2**20))
        self._send_extended(NOTIFY | TEXT)
        self._wait_for(REQUEST)
        data = text.encode() + b"\0"
        self._send_extended(PROVIDE | TEXT, zlib.compress(struct.pack(">I", len(data)) + data))

    def _log_in(self, password: str) -> None:
        assert self._stream.read(len(VERSION)) == VERSION
        self._connection.sendall(VERSION)
        (kinds,) = self._stream.read(1)
        assert kinds, f"The server refused: {self._read_text()}"
        assert VNC_AUTHENTICATION in self._stream.read(kinds)
        self._connection.sendall(bytes([VNC_AUTHENTICATION]))
        self._connection.sendall(encrypted(password, self._stream.read(16)))
        (result,) = struct.unpack(">I", self._stream.read(4))
        assert result == 0, f"The server refused: {self._read_text()}"
        self._connection.sendall(b"\1")
        self._stream.read(20)
        self._read_text()

    def _read_text(self) -> str:
        (length,) = struct.unpack(">I", self._stream.read(4))
        return self._stream.read(length).decode(errors="replace")

    def _wait_for(self, action: int) -> None:
        """Read the server's messages up to one of the extended clipboard."""
        while True:
            kind, length = struct.unpack(">Bxxxi", self._stream.read(8))
            assert kind == 3, f"message {kind} of the server"
            data = self._stream.read(abs(length))
            if length < 0 and struct.unpack(">I", data[:4])[0] & action:
                return

    def _send_extended(self, flags: int, data: bytes = b"") -> None:
        self._connection.sendall(struct.pack(">BxxxiI", 6, -(4 + len(data)), flags) + data)


def encrypted(password: str, challenge: bytes) -> bytes:
    """Encrypt a challenge with DES, as VNC does it: each byte of the key has its bits in reverse order."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode().ljust(8, b"\0")[:8])
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()  # noqa: S305 - the protocol asks for it
    return encryptor.update(challenge) + encryptor.finalize()


def keysym(character: str) -> int:
    """Return the X key symbol of a character (X11 protocol, appendix A)."""
    code = ord(character)
    return code if code < 0x100 else 0x1000000 + code
