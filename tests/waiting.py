"""Waiting for a condition. A deadline only ends a test that hangs: no assertion depends on how long a wait takes."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

DEADLINE_SECONDS = 120.0
"""Far beyond what a loaded machine needs, and below the 600 s after which pytest ends a test."""
DEADLINE_MILLISECONDS = DEADLINE_SECONDS * 1000
"""The same, for a browser."""


def until(
    what: str | Callable[[], str], probe: Callable[[], T], seconds: float = DEADLINE_SECONDS, pause: float = 0.03
) -> T:
    """Wait until a probe returns something true, and return that.

    Args:
        what: what is waited for, or a function that also describes what is there in its place.
        probe: the condition. It is asked once more after the deadline, since the machine may have stood still.
        seconds: the deadline.
        pause: seconds between two probes.

    Raises:
        AssertionError: the condition did not come true; the message names what was waited for.
    """
    deadline = time.monotonic() + seconds
    never_set = threading.Event()
    while True:
        is_last = time.monotonic() >= deadline
        if found := probe():
            return found
        if is_last:
            raise AssertionError(f"not within {seconds:.0f} s: {what if isinstance(what, str) else what()}")
        never_set.wait(pause)


async def until_set(what: str, event: asyncio.Event) -> None:
    """Wait until an event is set.

    Raises:
        AssertionError: it was not set; the message names what was waited for.
    """
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await event.wait()
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_SECONDS:.0f} s: {what}") from None


class Stopwatch:
    """Bounds from above the age of what happens after its start. It is never compared with a constant."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started
