"""Tells what is open for people that some of them have signed out, or were signed out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions_portal.identity import Visitor

    Whose: TypeAlias = Callable[[Visitor], bool]
    """Whether a visitor is among those who have to go."""


class Departures:
    """Passes each sign-out on to those who listen, at once."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Whose], None]] = []

    def listen(self, listener: Callable[[Whose], None]) -> None:
        """Have a function called with whom each sign-out concerns."""
        self._listeners.append(listener)

    def tell(self, whose: Whose) -> None:
        """Tell that these visitors are out."""
        for listener in self._listeners:
            listener(whose)
