"""Reads the picture of a file: what Blender put into a .blend, or the picture itself."""

import warnings
from typing import BinaryIO, Final

from PIL import Image, ImageOps

from agent.thumbnails.maker.program import NoPicture
from scene.plain import NotABlend
from scene.preview import read_preview

MAX_PIXELS: Final = 40_000_000
"""A render in 8K has 33 million. With four bytes for each pixel, twice this fits into the memory of this process."""
_TOO_LARGE: Final = f"The picture has more than the {MAX_PIXELS // 10**6} million pixels that are scaled down."
_FORMATS: Final = ("PNG", "JPEG")
_SCALED_WELL: Final = ("L", "RGB", "RGBA")


def of_blend(stream: BinaryIO) -> Image.Image:
    """Return the picture that Blender put into a .blend.

    Raises:
        NoPicture: there is none.
    """
    try:
        preview = read_preview(stream)
    except NotABlend as error:
        raise NoPicture(f"The file {error}.") from None
    if preview is None:
        raise NoPicture("The file has no picture in it. Blender adds one when a person saves the scene.")
    # Upside down.
    size = (preview.width, preview.height)
    return Image.frombytes("RGBA", size, preview.pixels, "raw", "RGBA", 0, -1)


def of_picture(stream: BinaryIO, side: int) -> Image.Image:
    """Return a picture, scaled down, with the side up that its camera says.

    Args:
        stream: the file.
        side: pixels of its longer side, at most.

    Raises:
        NoPicture: it cannot be read, or is too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(stream, formats=_FORMATS)
        with image:
            _check_size(image)
            # A JPEG is unpacked at a part of its size.
            image.draft("RGB", (2 * side, 2 * side))
            return _scaled(image, side)
    except (MemoryError, Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise NoPicture(_TOO_LARGE) from None
    except NoPicture:
        raise
    # Pillow has many kinds of errors for damaged files, and names them nowhere. This process does nothing else.
    except Exception as error:
        raise NoPicture(f"The picture cannot be read ({type(error).__name__}).") from None


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise NoPicture(_TOO_LARGE)


def _scaled(image: Image.Image, side: int) -> Image.Image:
    whole: Image.Image = image
    if image.mode.startswith("I"):
        # Of 16 bits, Pillow would keep the lower 8.
        whole = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode not in _SCALED_WELL:
        whole = image.convert("RGBA" if image.has_transparency_data else "RGB")
    whole.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2.0)
    try:
        # The mark of the camera may be lost by now.
        whole.getexif().update(image.getexif())
        return ImageOps.exif_transpose(whole)
    # It is read when it is asked for. One that is damaged says nothing of the side, and the picture is there.
    except Exception:
        # A copy: the file is closed after this.
        return whole.copy()
