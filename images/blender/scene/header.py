"""Reads the beginning of a .blend: which Blender wrote it, and which Blender can read it.

The layout is that of Blender's sources: `BLO_core_blend_header.hh` and `BLO_core_bhead.hh` for the header and the
blocks, `FileGlobal` of `DNA_fileGlobal_types.h` for the oldest Blender that reads the file.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from scene import zstd

MAX_COMPRESSED_BYTES: Final = 4 * 1024 * 1024
MAX_BYTES: Final = 1024 * 1024
"""The most that is read, and decompressed, of a file. A thumbnail, which comes before what is looked for, fits in."""
_CHUNK_BYTES: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_OLD_HEADER: Final = re.compile(rb"BLENDER([-_])([vV])([0-9]{3})")
_NEW_HEADER: Final = re.compile(rb"BLENDER([0-9]{2})-([0-9]{2})v([0-9]{4})")
_KNOWN_NEW: Final = (b"17", b"01")
"""Size and format of the header of Blender 5.0."""
NEW_HEADER_SINCE: Final = (4, 5, 0)
"""The first Blender that reads the header of 5.0."""
_NEW_HEADER_BYTES: Final = 17
_GLOBAL: Final = "4shhh"
_GLOBAL_BYTES: Final = struct.calcsize(f"<{_GLOBAL}")
_NO_LIMIT: Final = (0, 0, 0)

Version = tuple[int, int]
"""Major and minor: `(4, 3)`."""
FileVersion = tuple[int, int, int]
"""Major, minor, and the counter of changes of the file format, as `bpy.app.version_file`."""


class NotABlend(ValueError):  # noqa: N818 - what the file is
    """A file is no .blend, or is damaged. The message ends the sentence `NAME ...`."""


@dataclass(frozen=True)
class Header:
    """What the beginning of a .blend says."""

    version: Version
    """The Blender that wrote it."""
    oldest_reader: FileVersion
    """The oldest Blender that reads it; zeros if that is not said."""
    little_endian: bool = True
    is_known: bool = True
    """Whether the header has a form that is known. If not, it is of a Blender to come."""


def read_header(stream: BinaryIO) -> Header:
    """Read the header of a .blend, which may be compressed by gzip or Zstandard.

    Raises:
        NotABlend: the file is no .blend, or its beginning is damaged.
        OSError: the file cannot be read.
    """
    plain = _Plain(stream)
    start = plain.peek(_NEW_HEADER_BYTES)
    if match := _OLD_HEADER.match(start):
        plain.read(match.end())
        pointer_bytes, little_endian = (8 if match[1] == b"-" else 4), match[2] == b"v"
        order = "<" if little_endian else ">"
        block = struct.Struct(order + ("4siQii" if pointer_bytes == 8 else "4siIii"))
        return Header(_version(match[3]), _oldest_reader(plain, block, 1, order), little_endian)
    match = _NEW_HEADER.match(start)
    if match is None:
        raise NotABlend("is no .blend file" if start else plain.nothing)
    plain.read(match.end())
    version = _version(match[3])
    if (match[1], match[2]) != _KNOWN_NEW:
        return Header(version, (*version, 0), is_known=False)
    oldest = _oldest_reader(plain, struct.Struct("<4siQqq"), 3, "<")
    return Header(version, max(oldest, NEW_HEADER_SINCE))


class _Plain:
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


def _version(digits: bytes) -> Version:
    return divmod(int(digits), 100)


def _oldest_reader(plain: _Plain, block: struct.Struct, length_at: int, order: str) -> FileVersion:
    """Return what the global block says; zeros if there is none among the first blocks.

    Args:
        plain: the file after its header.
        block: the head of a block, which begins with its code.
        length_at: the position of the block's length among the head's fields.
        order: the byte order as `struct` writes it.

    Raises:
        NotABlend: the file ends before, or a block has no valid length.
    """
    try:
        while True:
            fields = block.unpack(plain.read(block.size))
            code, length = fields[0], fields[length_at]
            if length < 0:
                raise NotABlend("is damaged: a block has no valid length")
            if code == b"GLOB" and length >= _GLOBAL_BYTES:
                _, _, version, subversion = struct.unpack(order + _GLOBAL, plain.read(_GLOBAL_BYTES))
                return (*divmod(max(version, 0), 100), max(subversion, 0))
            if code == b"ENDB":
                return _NO_LIMIT
            plain.read(length)
    except EOFError:
        return _NO_LIMIT
