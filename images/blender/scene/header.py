"""Reads the beginning of a .blend: which Blender wrote it, and which Blender can read it.

The oldest Blender that reads the file stands in `FileGlobal` of Blender's sources (`DNA_fileGlobal_types.h`).
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from scene.blocks import FirstLine, Version, read_blocks, read_first_line
from scene.plain import Plain

NEW_HEADER_SINCE: Final = (4, 5, 0)
"""The first Blender that reads the header of 5.0."""
_GLOBAL: Final = "4shhh"
_GLOBAL_BYTES: Final = struct.calcsize(f"<{_GLOBAL}")
_NO_LIMIT: Final = (0, 0, 0)

FileVersion = tuple[int, int, int]
"""Major, minor, and the counter of changes of the file format, as `bpy.app.version_file`."""


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
    plain = Plain(stream)
    line = read_first_line(plain)
    if not line.is_known:
        return Header(line.version, (*line.version, 0), is_known=False)
    oldest = _oldest_reader(plain, line)
    return Header(line.version, max(oldest, NEW_HEADER_SINCE) if line.is_new else oldest, line.order == "<")


def _oldest_reader(plain: Plain, line: FirstLine) -> FileVersion:
    """Return what the global block says; zeros if there is none among the first blocks.

    Raises:
        NotABlend: the file ends before, or a block has no valid length.
    """
    try:
        for block in read_blocks(plain, line):
            if block.code == b"GLOB" and block.length >= _GLOBAL_BYTES:
                _, _, version, subversion = struct.unpack(line.order + _GLOBAL, block.read(_GLOBAL_BYTES))
                return (*divmod(max(version, 0), 100), max(subversion, 0))
    except EOFError:
        pass
    return _NO_LIMIT
