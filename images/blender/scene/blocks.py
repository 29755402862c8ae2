"""Reads the frame of a .blend: its first line, and the blocks that follow.

The layout is that of Blender's sources: `BLO_core_blend_header.hh` and `BLO_core_bhead.hh`.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scene.plain import NotABlend, Plain

_OLD_LINE: Final = re.compile(rb"BLENDER([-_])([vV])([0-9]{3})")
_NEW_LINE: Final = re.compile(rb"BLENDER([0-9]{2})-([0-9]{2})v([0-9]{4})")
_KNOWN_NEW: Final = (b"17", b"01")
"""Size and format of the first line of Blender 5.0."""
_NEW_LINE_BYTES: Final = 17
END: Final = b"ENDB"

Version = tuple[int, int]
"""Major and minor: `(4, 3)`."""


@dataclass(frozen=True)
class FirstLine:
    """How a .blend begins."""

    version: Version
    """The Blender that wrote it."""
    order: str
    """The byte order as `struct` writes it."""
    head: struct.Struct
    """The head of a block, which begins with its code."""
    length_at: int
    """The position of the block's length among the head's fields."""
    is_new: bool
    """Whether it is in the form of Blender 5.0."""
    is_known: bool = True
    """Whether the form is known. If not, it is of a Blender to come, and no block can be read."""


class Block:
    """One block, as far as it is read."""

    def __init__(self, code: bytes, length: int, plain: Plain) -> None:
        self.code = code
        self.length = length
        self._plain = plain
        self._read = 0

    def read(self, size: int) -> bytes:
        """Take the next bytes of what is in the block. There must be as many.

        Raises:
            NotABlend: the file ends before, or they cannot be decompressed.
            EOFError: they are beyond what is read of a file.
        """
        self._read += size
        return self._plain.read(size)

    def skip(self) -> None:
        """Pass by what was not read. The errors are those of `read`."""
        self.read(self.length - self._read)


def read_first_line(plain: Plain) -> FirstLine:
    """Read how a .blend begins.

    Raises:
        NotABlend: the file is none, or is damaged.
    """
    start = plain.peek(_NEW_LINE_BYTES)
    if match := _OLD_LINE.match(start):
        plain.read(match.end())
        order = "<" if match[2] == b"v" else ">"
        head = struct.Struct(order + ("4siQii" if match[1] == b"-" else "4siIii"))
        return FirstLine(_version(match[3]), order, head, length_at=1, is_new=False)
    match = _NEW_LINE.match(start)
    if match is None:
        raise NotABlend("is no .blend file" if start else plain.nothing)
    plain.read(match.end())
    is_known = (match[1], match[2]) == _KNOWN_NEW
    return FirstLine(_version(match[3]), "<", struct.Struct("<4siQqq"), length_at=3, is_new=True, is_known=is_known)


def read_blocks(plain: Plain, line: FirstLine) -> Iterator[Block]:
    """Yield the blocks after the first line, but for the last one, which only ends the file.

    Raises:
        NotABlend: the file ends before, or a block has no valid length.
        EOFError: the next one is beyond what is read of a file.
    """
    while True:
        fields = line.head.unpack(plain.read(line.head.size))
        block = Block(fields[0], fields[line.length_at], plain)
        if block.length < 0:
            raise NotABlend("is damaged: a block has no valid length")
        if block.code == END:
            return
        yield block
        block.skip()


def _version(digits: bytes) -> Version:
    return divmod(int(digits), 100)
