"""Reads the picture that Blender puts into a .blend when it saves one.

The layout is that of Blender's sources: `blo_read_blend_thumbnail` of `blendfile_thumb.cc` reads the same block.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from scene.blocks import read_blocks, read_first_line
from scene.plain import Plain

MAX_SIDE: Final = 1024
"""Pixels. Blender writes pictures of 128, and some versions of 256."""
_SIZE: Final = "ii"
_SIZE_BYTES: Final = struct.calcsize(f"<{_SIZE}")
_PICTURE: Final = b"TEST"
_AFTER: Final = b"GLOB"
"""The block that follows the picture's."""


@dataclass(frozen=True)
class Preview:
    """A picture. Its rows go from the bottom up, and each pixel has a byte for red, green, blue and alpha."""

    width: int
    height: int
    pixels: bytes


def read_preview(stream: BinaryIO) -> Preview | None:
    """Return the picture of a .blend, which may be compressed by gzip or Zstandard; None if it has none.

    Raises:
        NotABlend: the file is no .blend, or its beginning is damaged.
        OSError: the file cannot be read.
    """
    plain = Plain(stream)
    line = read_first_line(plain)
    if not line.is_known:
        return None
    try:
        for block in read_blocks(plain, line):
            if block.code == _AFTER:
                return None
            if block.code == _PICTURE and block.length >= _SIZE_BYTES:
                width, height = struct.unpack(line.order + _SIZE, block.read(_SIZE_BYTES))
                size = width * height * 4
                if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and size <= block.length - _SIZE_BYTES):
                    return None
                return Preview(width, height, block.read(size))
    except EOFError:
        pass
    return None
