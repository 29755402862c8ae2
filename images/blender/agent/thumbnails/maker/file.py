"""Makes a picture of the file on standard input. The argument is its kind: `blend` or `picture`."""

import sys
from typing import Final

from agent.thumbnails.maker.encoding import encode
from agent.thumbnails.maker.program import run
from agent.thumbnails.maker.reading import of_blend, of_picture

SIDE: Final = 256
"""Pixels of the longer side. Blender's own pictures have 128."""
MAX_BYTES: Final = 24 * 1024


def make(kind: str) -> bytes:
    """Return the picture.

    Raises:
        NoPicture: there is none.
    """
    stream = sys.stdin.buffer
    return encode(of_blend(stream) if kind == "blend" else of_picture(stream, SIDE), SIDE, MAX_BYTES)


if __name__ == "__main__":
    sys.exit(run(lambda: make(sys.argv[1])))
