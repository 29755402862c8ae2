"""The progress of a transfer on a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from blendersessions_cli.printing import printable, size

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

_PAUSE_SECONDS: Final = 0.2


class Progress:
    """Shows how much of a transfer is done, on one line of standard error. Nothing is shown without a terminal there.

    Args:
        label: what is transferred.
        total: its size in bytes; None if that is not known.
        clock: returns seconds.
    """

    def __init__(self, label: str, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._label = printable(label)
        self._total = total
        self._clock = clock
        self._visible = sys.stderr.isatty()
        self._started = self._shown = clock()
        self._begin = 0
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._visible and self._done:
            self._show()
            click.echo(err=True)

    def begin(self, done: int, total: int | None) -> None:
        """Say that a part was transferred before, and how much there is."""
        self._begin, self._done, self._total = done, done, total

    def add(self, count: int) -> None:
        """Say that so many bytes more are transferred."""
        self._done += count
        if self._visible and self._clock() - self._shown >= _PAUSE_SECONDS:
            self._show()

    def _show(self) -> None:
        self._shown = self._clock()
        elapsed = self._shown - self._started
        rate = f"{size((self._done - self._begin) / elapsed)}/s" if elapsed > 0 else ""
        share = f" of {size(self._total)}, {100 * self._done // self._total} %" if self._total else ""
        click.echo(f"\r{self._label}: {size(self._done)}{share}  {rate}\x1b[K", err=True, nl=False)
