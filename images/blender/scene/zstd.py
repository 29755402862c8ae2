"""Decompresses Zstandard with libzstd, the library that Blender itself uses. Python has it from 3.14 on only."""

import ctypes
from collections.abc import Iterable, Iterator
from typing import Final

_CHUNK_BYTES: Final = 64 * 1024
_zstd = ctypes.CDLL("libzstd.so.1")


class _Buffer(ctypes.Structure):
    """`ZSTD_inBuffer` and `ZSTD_outBuffer` of zstd.h."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t))


_zstd.ZSTD_createDStream.restype = ctypes.c_void_p
_zstd.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
_zstd.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Buffer), ctypes.POINTER(_Buffer)]
_zstd.ZSTD_decompressStream.restype = ctypes.c_size_t
_zstd.ZSTD_isError.argtypes = [ctypes.c_size_t]


def decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress a stream piece by piece. Frames follow each other, and skippable ones give nothing.

    The library refuses a window of more than 128 MiB, so that a hostile frame cannot ask for all memory.

    Args:
        chunks: the compressed stream in pieces of any size.

    Raises:
        ValueError: the stream is damaged.
        MemoryError: there is no memory.
    """
    stream = _zstd.ZSTD_createDStream()
    if not stream:
        raise MemoryError
    try:
        room = ctypes.create_string_buffer(_CHUNK_BYTES)
        for chunk in chunks:
            source = _Buffer(ctypes.cast(ctypes.c_char_p(chunk), ctypes.c_void_p), len(chunk), 0)
            is_full = False
            while source.position < source.size or is_full:
                target = _Buffer(ctypes.cast(room, ctypes.c_void_p), _CHUNK_BYTES, 0)
                code = _zstd.ZSTD_decompressStream(stream, ctypes.byref(target), ctypes.byref(source))
                if _zstd.ZSTD_isError(code):
                    raise ValueError("The Zstandard stream is damaged.")
                # The library may hold back more than fits.
                is_full = target.position == _CHUNK_BYTES
                yield room.raw[: target.position]
    finally:
        _zstd.ZSTD_freeDStream(stream)
