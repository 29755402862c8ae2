"""What a client asks before it sends something, so that only one of several operators writes."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SocketOption = tuple[int, int, int]


@dataclass(frozen=True)
class WriteGuard:
    """Lets a client send only while its process may write.

    A request waits for a connection before it is sent, and a process may be stopped meanwhile. So the guard is asked
    when the connection is there and the first byte would leave.
    """

    check: Callable[[], None]
    """Called in the thread that sends; raises if nothing may be sent."""
    delivery_seconds: float
    """How long what was sent may stay unacknowledged. Then the kernel ends the connection, so that the bytes do not
    arrive later, not even when the process is stopped or gone."""

    @property
    def socket_option(self) -> SocketOption:
        """The option of a TCP socket that holds `delivery_seconds`, as `socket.setsockopt` takes it (tcp(7))."""
        return socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.delivery_seconds * 1000)
