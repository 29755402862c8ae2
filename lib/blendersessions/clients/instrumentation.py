"""How the clients report their requests to the metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

RequestHook: TypeAlias = Callable[[str, str, float, int], None]
"""Called after each request with the HTTP method, the kind of object, the duration in seconds, and the HTTP status.

The status is 0 when there was no answer.
"""


def ignore_request(method: str, resource: str, seconds: float, code: int) -> None:
    """Report nothing."""
