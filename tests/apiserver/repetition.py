"""What goes on beside a test: a kubelet, or somebody who starts again what ended."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def repeated(what: Callable[[], None], name: str, pause_seconds: float = 0.2) -> Iterator[None]:
    """Do something again and again, in a thread of this name, while the block runs."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(pause_seconds):
            what()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
