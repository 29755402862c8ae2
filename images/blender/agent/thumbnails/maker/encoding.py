"""Scales a picture down, and packs it."""

import io
from typing import Final

from PIL import Image, WebPImagePlugin

from agent.thumbnails.maker.program import NoPicture

_QUALITIES: Final = (80, 55, 30, 10)
_METHOD: Final = 2
"""How hard WebP tries, from 0 to 6. Twice as much makes a picture smaller by some percent."""
_LEAST_SIDE: Final = 32
_FORMAT: Final = WebPImagePlugin.WebPImageFile.format
"""Its module is imported by itself, since Pillow would load all its formats to find it."""


def encode(image: Image.Image, side: int, max_bytes: int) -> bytes:
    """Return a picture as WebP.

    Args:
        image: the picture.
        side: pixels of its longer side, at most.
        max_bytes: the largest result. A picture that needs more gets a lower quality, and then fewer pixels.

    Raises:
        NoPicture: it does not fit, whatever is given up.
    """
    while side >= _LEAST_SIDE:
        scaled = image.copy()
        scaled.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2.0)
        for quality in _QUALITIES:
            packed = io.BytesIO()
            scaled.save(packed, _FORMAT, quality=quality, method=_METHOD)
            if packed.tell() <= max_bytes:
                return packed.getvalue()
        side //= 2
    raise NoPicture("The picture cannot be made small enough.")
