"""Makes the beginnings of .blend files, byte by byte."""

from __future__ import annotations

import ctypes
import io
import struct

OLD = {8: "4siQii", 4: "4siIii"}


def block(code: bytes, content: bytes, *, pointer: int = 8, order: str = "<", length: int | None = None) -> bytes:
    """Return a block as Blender before 5.0 writes it."""
    size = len(content) if length is None else length
    return struct.pack(order + OLD[pointer], code, size, 0, 0, 1) + content


def large_block(code: bytes, content: bytes) -> bytes:
    """Return a block as Blender writes it from 5.0 on."""
    return struct.pack("<4siQqq", code, 0, 0, len(content), 1) + content


def global_content(oldest: tuple[int, int, int], order: str = "<") -> bytes:
    """Return the beginning of a `FileGlobal`."""
    return struct.pack(f"{order}4shhh", b"   1", 1, oldest[0] * 100 + oldest[1], oldest[2]) + bytes(100)


def preview_content(width: int, height: int, pixels: bytes, order: str = "<") -> bytes:
    """Return what a block with a picture holds."""
    return struct.pack(f"{order}ii", width, height) + pixels


def old_blend(
    version: str = "403",
    oldest: tuple[int, int, int] = (3, 6, 13),
    *,
    pointer: int = 8,
    order: str = "<",
    preview: bytes = bytes(65544),
) -> bytes:
    """Return a file as Blender before 5.0 writes it, with a thumbnail."""
    head = b"BLENDER" + (b"-" if pointer == 8 else b"_") + (b"v" if order == "<" else b"V") + version.encode()
    blocks = ((b"REND", bytes(72)), (b"TEST", preview), (b"GLOB", global_content(oldest, order)), (b"ENDB", b""))
    return head + b"".join(block(code, content, pointer=pointer, order=order) for code, content in blocks)


def new_blend(version: str = "0502", oldest: tuple[int, int, int] = (4, 5, 85), preview: bytes | None = None) -> bytes:
    """Return a file as Blender writes it from 5.0 on, by default without a thumbnail."""
    previews = () if preview is None else ((b"TEST", preview),)
    blocks = ((b"REND", bytes(72)), *previews, (b"GLOB", global_content(oldest)), (b"ENDB", b""))
    return f"BLENDER17-01v{version}".encode() + b"".join(large_block(code, content) for code, content in blocks)


def zstd(content: bytes) -> bytes:
    """Compress by Zstandard, as one frame."""
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(len(content) + 1024)
    arguments = (room, ctypes.c_size_t(len(room)), content, ctypes.c_size_t(len(content)), 3)
    size = library.ZSTD_compress(*arguments)
    return room.raw[:size]


def skippable(content: bytes) -> bytes:
    """Return a frame that a reader skips, such as the table at the end of a compressed .blend."""
    return struct.pack("<II", 0x184D2A5E, len(content)) + content


class Counted(io.BytesIO):
    """A file that counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.count += len(found)
        return found
