"""Takes a picture of the screen by Xlib, through ctypes. Blender does not notice."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_uint, c_ulong, c_void_p
from typing import Final

from PIL import Image

_ALL_PLANES: Final = 2 ** (8 * ctypes.sizeof(c_ulong)) - 1
_Z_PIXMAP: Final = 2
"""Each pixel's bits lie together. From X.h."""
_LAYOUTS: Final = {32: "BGRX", 16: "BGR;16"}
"""Pillow's names of what Xvnc has, by the bits of a pixel."""


class _XImage(ctypes.Structure):
    """The first fields of `XImage` of Xlib.h."""

    _fields_ = (
        *((name, c_int) for name in ("width", "height", "xoffset", "format")),
        ("data", c_void_p),
        *((name, c_int) for name in ("byte_order", "bitmap_unit", "bitmap_bit_order", "bitmap_pad", "depth")),
        *((name, c_int) for name in ("bytes_per_line", "bits_per_pixel")),
    )


def take() -> Image.Image:
    """Return what is on the screen.

    Raises:
        OSError: the X server cannot be reached, or gives no picture.
    """
    x11 = _xlib()
    display = x11.XOpenDisplay(None)
    if not display:
        raise OSError("The X server cannot be reached.")
    root = x11.XDefaultRootWindow(display)
    width, height = c_uint(), c_uint()
    other = byref(c_ulong()), byref(c_int()), byref(c_int())
    border, depth = byref(c_uint()), byref(c_uint())
    if not x11.XGetGeometry(display, root, *other, byref(width), byref(height), border, depth):
        raise OSError("The X server does not say how large the screen is.")
    found = x11.XGetImage(display, root, 0, 0, width, height, _ALL_PLANES, _Z_PIXMAP)
    if not found:
        raise OSError("The X server gave no picture of the screen.")
    image = found.contents
    layout = _LAYOUTS.get(image.bits_per_pixel)
    if layout is None:
        raise OSError(f"A screen with {image.bits_per_pixel} bits for each pixel cannot be read.")
    # The process ends soon, and with it the connection and the picture.
    content = ctypes.string_at(image.data, image.bytes_per_line * image.height)
    return Image.frombytes("RGB", (image.width, image.height), content, "raw", layout, image.bytes_per_line)


def _xlib() -> ctypes.CDLL:
    """Load the library, which pictures of files do without."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.argtypes, x11.XOpenDisplay.restype = [c_char_p], c_void_p
    x11.XDefaultRootWindow.argtypes, x11.XDefaultRootWindow.restype = [c_void_p], c_ulong
    x11.XGetGeometry.argtypes = [
        c_void_p, c_ulong, POINTER(c_ulong), POINTER(c_int), POINTER(c_int), *[POINTER(c_uint)] * 4,
    ]  # fmt: skip
    x11.XGetImage.argtypes = [c_void_p, c_ulong, c_int, c_int, c_uint, c_uint, c_ulong, c_int]
    x11.XGetImage.restype = POINTER(_XImage)
    return x11
