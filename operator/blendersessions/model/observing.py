"""How gateways tell what a request took."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Observe: TypeAlias = Callable[[str, str, float, int], None]
"""Gets the HTTP method, the kind of object, the seconds, and the HTTP status: 0 when there was no answer."""


def unobserved(method: str, resource: str, seconds: float, code: int) -> None:
    """Take no notice."""
