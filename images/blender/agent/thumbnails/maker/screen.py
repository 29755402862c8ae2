"""Makes a picture of the screen."""

import sys
from typing import Final

from agent.thumbnails.maker.encoding import encode
from agent.thumbnails.maker.program import MAX_BYTES, run
from agent.thumbnails.maker.x_screen import take

SIDE: Final = 640
"""Pixels of the longer side."""

if __name__ == "__main__":
    sys.exit(run(lambda: encode(take(), SIDE, MAX_BYTES)))
