"""Bounds how many requests do the same costly thing at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from agent.messages import Refused

RETRY_SECONDS = 2


class Slots:
    """Places that requests take while they work. There is no line: who finds none is asked to come again.

    Args:
        count: how many there are.
        what: what they are for, as the end of a sentence.
    """

    def __init__(self, count: int, what: str) -> None:
        self._count = self._free = count
        self._what = what

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place during the block.

        Raises:
            Refused: all are taken.
        """
        if not self._free:
            message = f"At most {self._count} {self._what} go at a time. Try again in a moment."
            raise Refused(429, message, headers={"Retry-After": str(RETRY_SECONDS)})
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
