"""Decompresses the first bytes of a .blend, which may be packed by gzip or Zstandard, within bounds."""

import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from scene import zstd

MAX_COMPRESSED_BYTES: Final = 4 * 1024 * 1024
MAX_BYTES: Final = 1024 * 1024
"""The most that is read, and decompressed, of a file. A thumbnail, which comes before what is looked for, fits in."""
_CHUNK_BYTES: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")


class NotABlend(ValueError):  # noqa: N818 - what the file is
    """A file is no .blend, or is damaged. The message ends the sentence `NAME ...`."""


class Plain:
    """A file's first bytes, decompressed, up to `MAX_BYTES`."""

    def __init__(self, stream: BinaryIO) -> None:
        chunks = _chunks(stream)
        first = next(chunks, b"")
        # A compressed file that is cut off early gives nothing either.
        self.nothing = "is cut off" if first else "is empty"
        self._pieces = _decompressed(first, chunks)
        self._held = b""
        self._left = MAX_BYTES

    def peek(self, size: int) -> bytes:
        """Return the next bytes, fewer at the file's end, without taking them.

        Raises:
            NotABlend: they cannot be decompressed.
        """
        while len(self._held) < size:
            try:
                piece = next(self._pieces, None)
            except (ValueError, zlib.error):
                raise NotABlend("is damaged: it cannot be decompressed") from None
            if piece is None:
                break
            self._held += piece
        return self._held[:size]

    def read(self, size: int) -> bytes:
        """Take the next bytes.

        Raises:
            NotABlend: the file ends before, or they cannot be decompressed.
            EOFError: they are beyond the limit.
        """
        if size > self._left:
            raise EOFError
        self._left -= size
        found, self._held = self.peek(size), self._held[size:]
        if len(found) < size:
            raise NotABlend("is cut off")
        return found


def _decompressed(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first.startswith(_GZIP):
        return _inflate(first, chunks)
    if first.startswith(_ZSTD) or _ZSTD_SKIPPABLE.match(first):
        return zstd.decompress(_chained(first, chunks))
    return _chained(first, chunks)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    for _ in range(MAX_COMPRESSED_BYTES // _CHUNK_BYTES):
        chunk = stream.read(_CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def _chained(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from chunks


def _inflate(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    for chunk in _chained(first, chunks):
        rest = chunk
        while rest:
            yield stream.decompress(rest, _CHUNK_BYTES)
            rest = stream.unconsumed_tail
        if stream.eof:
            return
    yield stream.flush()
