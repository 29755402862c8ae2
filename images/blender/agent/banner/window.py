"""The banner's window, drawn with Xlib, Cairo and Pango through ctypes. Blender and openbox install all of them."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_long, c_uint, c_ulong, c_void_p
from typing import Final

_x11 = ctypes.CDLL("libX11.so.6")
_xext = ctypes.CDLL("libXext.so.6")
_cairo = ctypes.CDLL("libcairo.so.2")
_pango = ctypes.CDLL("libpango-1.0.so.0")
_pangocairo = ctypes.CDLL("libpangocairo-1.0.so.0")
_gobject = ctypes.CDLL("libgobject-2.0.so.0")

# From X.h, shape.h, cairo.h and pango.h.
_CW_OVERRIDE_REDIRECT, _CW_EVENT_MASK = 1 << 9, 1 << 11
_EXPOSURE, _VISIBILITY_CHANGE = 1 << 15, 1 << 16
_VISIBILITY_NOTIFY: Final = 15
_SHAPE_INPUT: Final = 2
_CAIRO_CONTENT_COLOR_ALPHA: Final = 0x3000
_PANGO_UNIT: Final = 1024
_PANGO_WRAP_WORD_CHAR: Final = 2

FONT: Final = b"DejaVu Sans 11"
MAX_TEXT_WIDTH_PIXELS: Final = 640
PADDING_PIXELS: Final = 16
TOP_PIXELS: Final = 72
"""Distance from the top of the screen: below Blender's menus."""
BACKGROUND: Final = (0.11, 0.13, 0.17)
EDGE: Final = (0.95, 0.62, 0.16)
FOREGROUND: Final = (0.96, 0.96, 0.96)
"""These colours are red, green and blue from 0 to 1."""


class _Attributes(ctypes.Structure):
    """`XSetWindowAttributes` of Xlib.h."""

    _fields_ = (
        *((name, c_ulong) for name in ("background_pixmap", "background_pixel", "border_pixmap", "border_pixel")),
        *((name, c_int) for name in ("bit_gravity", "win_gravity", "backing_store")),
        *((name, c_ulong) for name in ("backing_planes", "backing_pixel")),
        ("save_under", c_int),
        *((name, c_long) for name in ("event_mask", "do_not_propagate_mask")),
        ("override_redirect", c_int),
        *((name, c_ulong) for name in ("colormap", "cursor")),
    )


class _Event(ctypes.Union):
    """`XEvent`, of which only the type is read."""

    _fields_ = (("type", c_int), ("pad", c_long * 24))


def _declare(library: ctypes.CDLL, name: str, result: type | None, *arguments: object) -> None:
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments


_declare(_x11, "XOpenDisplay", c_void_p, c_char_p)
_declare(_x11, "XDefaultScreen", c_int, c_void_p)
_declare(_x11, "XDefaultRootWindow", c_ulong, c_void_p)
_declare(_x11, "XDefaultVisual", c_void_p, c_void_p, c_int)
_declare(_x11, "XDisplayWidth", c_int, c_void_p, c_int)
_declare(
    _x11, "XCreateWindow", c_ulong, c_void_p, c_ulong, c_int, c_int, c_uint, c_uint, c_uint, c_int, c_uint, c_void_p,
    c_ulong, POINTER(_Attributes),
)  # fmt: skip
for _name in ("XMapRaised", "XRaiseWindow"):
    _declare(_x11, _name, c_int, c_void_p, c_ulong)
for _name in ("XPending", "XFlush"):
    _declare(_x11, _name, c_int, c_void_p)
_declare(_x11, "XSync", c_int, c_void_p, c_int)
_declare(_x11, "XNextEvent", c_int, c_void_p, POINTER(_Event))
_declare(
    _xext, "XShapeCombineRectangles", None, c_void_p, c_ulong, c_int, c_int, c_int, c_void_p, c_int, c_int, c_int
)  # fmt: skip
_declare(_cairo, "cairo_xlib_surface_create", c_void_p, c_void_p, c_ulong, c_void_p, c_int, c_int)
_declare(_cairo, "cairo_recording_surface_create", c_void_p, c_int, c_void_p)
_declare(_cairo, "cairo_create", c_void_p, c_void_p)
_declare(_cairo, "cairo_set_source_rgb", None, c_void_p, c_double, c_double, c_double)
_declare(_cairo, "cairo_rectangle", None, c_void_p, c_double, c_double, c_double, c_double)
_declare(_cairo, "cairo_move_to", None, c_void_p, c_double, c_double)
for _name in ("cairo_paint", "cairo_fill"):
    _declare(_cairo, _name, None, c_void_p)
_declare(_cairo, "cairo_surface_flush", None, c_void_p)
_declare(_pangocairo, "pango_cairo_create_layout", c_void_p, c_void_p)
_declare(_pangocairo, "pango_cairo_show_layout", None, c_void_p, c_void_p)
_declare(_pango, "pango_font_description_from_string", c_void_p, c_char_p)
_declare(_pango, "pango_layout_set_font_description", None, c_void_p, c_void_p)
_declare(_pango, "pango_layout_set_text", None, c_void_p, c_char_p, c_int)
_declare(_pango, "pango_layout_set_width", None, c_void_p, c_int)
_declare(_pango, "pango_layout_set_wrap", None, c_void_p, c_int)
_declare(_pango, "pango_layout_get_pixel_size", None, c_void_p, POINTER(c_int), POINTER(c_int))
_declare(_gobject, "g_object_unref", None, c_void_p)


class Banner:
    """A small window at the top of the screen, above all others. Clicks pass through it.

    Args:
        text: the text to show.

    Raises:
        OSError: the X server cannot be reached.
    """

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._display = _x11.XOpenDisplay(None)
        if not self._display:
            raise OSError("The X server cannot be reached.")
        screen = _x11.XDefaultScreen(self._display)
        available = _x11.XDisplayWidth(self._display, screen)
        self._text_width = max(1, min(MAX_TEXT_WIDTH_PIXELS, available - 4 * PADDING_PIXELS))
        text_width, text_height = self._measure()
        self._width, self._height = text_width + 2 * PADDING_PIXELS, text_height + 2 * PADDING_PIXELS
        # The window manager gives such a window no frame and no focus.
        attributes = _Attributes(override_redirect=1, event_mask=_EXPOSURE | _VISIBILITY_CHANGE)
        self._window = _x11.XCreateWindow(
            self._display, _x11.XDefaultRootWindow(self._display), max(0, (available - self._width) // 2), TOP_PIXELS,
            self._width, self._height, 0, 0, 0, None, _CW_OVERRIDE_REDIRECT | _CW_EVENT_MASK, byref(attributes),
        )  # fmt: skip
        # With an empty input shape, clicks reach Blender.
        _xext.XShapeCombineRectangles(self._display, self._window, _SHAPE_INPUT, 0, 0, None, 0, 0, 0)
        surface = _cairo.cairo_xlib_surface_create(
            self._display, self._window, _x11.XDefaultVisual(self._display, screen), self._width, self._height
        )
        self._surface, self._context = surface, _cairo.cairo_create(surface)
        _x11.XMapRaised(self._display, self._window)
        _x11.XSync(self._display, 0)
        self._draw()

    def refresh(self) -> None:
        """Redraw the window if it was covered, and raise it above a window that was raised."""
        event = _Event()
        while _x11.XPending(self._display):
            _x11.XNextEvent(self._display, byref(event))
            if event.type == _VISIBILITY_NOTIFY:
                _x11.XRaiseWindow(self._display, self._window)
            self._draw()

    def _measure(self) -> tuple[int, int]:
        context = _cairo.cairo_create(_cairo.cairo_recording_surface_create(_CAIRO_CONTENT_COLOR_ALPHA, None))
        layout = self._layout(context)
        width, height = c_int(), c_int()
        _pango.pango_layout_get_pixel_size(layout, byref(width), byref(height))
        _gobject.g_object_unref(layout)
        return width.value, height.value

    def _layout(self, context: int) -> int:
        layout: int = _pangocairo.pango_cairo_create_layout(context)
        _pango.pango_layout_set_font_description(layout, _pango.pango_font_description_from_string(FONT))
        _pango.pango_layout_set_width(layout, self._text_width * _PANGO_UNIT)
        _pango.pango_layout_set_wrap(layout, _PANGO_WRAP_WORD_CHAR)
        _pango.pango_layout_set_text(layout, self._text, len(self._text))
        return layout

    def _draw(self) -> None:
        context = self._context
        _cairo.cairo_set_source_rgb(context, *BACKGROUND)
        _cairo.cairo_paint(context)
        _cairo.cairo_set_source_rgb(context, *EDGE)
        _cairo.cairo_rectangle(context, 0.0, 0.0, 4.0, float(self._height))
        _cairo.cairo_fill(context)
        _cairo.cairo_set_source_rgb(context, *FOREGROUND)
        _cairo.cairo_move_to(context, float(PADDING_PIXELS), float(PADDING_PIXELS))
        layout = self._layout(context)
        _pangocairo.pango_cairo_show_layout(context, layout)
        _gobject.g_object_unref(layout)
        _cairo.cairo_surface_flush(self._surface)
        _x11.XFlush(self._display)
