"""A whole class opens one desktop at once, and nobody is shut out."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from image.container import VNC_PORT
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from image.container import Container

VIEWERS = 40
SILENT = 6
"""One more than the failures after which Xvnc's blacklist shuts out an address."""


def test_forty_viewers_at_once_after_silent_connections(desktop: Container) -> None:
    for _ in range(SILENT):
        socket.create_connection((desktop.address, VNC_PORT), timeout=DEADLINE_SECONDS).close()
    together = threading.Barrier(VIEWERS, timeout=DEADLINE_SECONDS)

    with ExitStack() as stack, ThreadPoolExecutor(VIEWERS) as pool:

        def log_in(_number: int) -> None:
            together.wait()
            stack.enter_context(desktop.viewer())

        list(pool.map(log_in, range(VIEWERS)))
