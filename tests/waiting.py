"""Waiting for something to come true, with a deadline."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def until(what: str, probe: Callable[[], T], seconds: float = 30.0, pause: float = 0.03) -> T:
    """Wait until a probe returns something true, and return that.

    Raises:
        AssertionError: it did not in time; the message names what was waited for.
    """
    deadline = time.monotonic() + seconds
    rest = threading.Event()
    while not (found := probe()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        rest.wait(pause)
    return found
