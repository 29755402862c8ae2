"""Reads from the X server when a key was last pressed or the pointer last moved.

It uses the MIT-SCREEN-SAVER extension (libXss). The server counts real input only. Programs on the desktop do not reset
the count, and neither do viewers that connect and do nothing.
"""

import ctypes
import threading

_x11 = ctypes.CDLL("libX11.so.6")
_xss = ctypes.CDLL("libXss.so.1")
_x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
_x11.XOpenDisplay.restype = ctypes.c_void_p
_x11.XDefaultRootWindow.argtypes = [ctypes.c_void_p]
_x11.XDefaultRootWindow.restype = ctypes.c_ulong


class _ScreenSaverInfo(ctypes.Structure):
    """`XScreenSaverInfo` of X11/extensions/scrnsaver.h."""

    _fields_ = (
        ("window", ctypes.c_ulong),
        ("state", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("til_or_since", ctypes.c_ulong),
        ("idle", ctypes.c_ulong),
        ("event_mask", ctypes.c_ulong),
    )


_xss.XScreenSaverQueryExtension.argtypes = [
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_int),
    ctypes.POINTER(ctypes.c_int),
]
_xss.XScreenSaverQueryInfo.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.POINTER(_ScreenSaverInfo)]


class InputClock:
    """Reads the time since the last input over its own connection to the X server. It is safe in any thread.

    Raises:
        OSError: the X server cannot be reached or lacks the extension.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._display = _x11.XOpenDisplay(None)
        if not self._display:
            raise OSError("The X server cannot be reached.")
        event, error = ctypes.c_int(), ctypes.c_int()
        if not _xss.XScreenSaverQueryExtension(self._display, ctypes.byref(event), ctypes.byref(error)):
            raise OSError("The X server has no MIT-SCREEN-SAVER extension.")
        self._root = _x11.XDefaultRootWindow(self._display)

    def seconds(self) -> float:
        """Return the seconds since the last input, or since the X server's start if there was none.

        Raises:
            OSError: the X server did not report them.
        """
        info = _ScreenSaverInfo()
        with self._lock:
            if not _xss.XScreenSaverQueryInfo(self._display, self._root, ctypes.byref(info)):
                raise OSError("The X server did not report the time of the last input.")
        return float(info.idle) / 1000
