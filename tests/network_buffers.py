"""How much the buffers between two programs hold, so that a test can send more than that."""

from __future__ import annotations

from pathlib import Path

CONNECTIONS = 2
"""From the browser to the program in the middle, and from there to the program at the end."""
PROGRAMS_BYTES = 2**24
"""More than the three programs keep for themselves."""


def _largest(direction: str) -> int:
    # The kernel's limits of one connection: least, first and largest number of bytes (tcp(7)).
    return int(Path(f"/proc/sys/net/ipv4/tcp_{direction}mem").read_text().split()[2])


MORE_THAN_BUFFERS = CONNECTIONS * (_largest("r") + _largest("w")) + PROGRAMS_BYTES
"""Bytes: whoever sends so many, while nobody takes them at the end of the way, cannot send all."""
