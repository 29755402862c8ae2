"""Progress on the terminal: steps, and the time that each one took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console


@dataclass
class Steps:
    """Prints one line for each step, with the time that it took."""

    console: Console = field(default_factory=Console)

    @contextmanager
    def step(self, title: str) -> Iterator["Step"]:
        """Show `title` during the block, and then a line with the time. The line of a failed step is marked."""
        begun = time.monotonic()
        step = Step()
        try:
            with self.console.status(f"{title} …"):
                yield step
        except BaseException:
            self._line("[red]✗[/red]", title, begun, "failed")
            raise
        self._line("[green]✓[/green]", title, begun, step.note)

    def _line(self, mark: str, title: str, begun: float, note: str) -> None:
        taken = time.monotonic() - begun
        self.console.print(f"{mark} {title:<44} {taken:6.1f} s  [dim]{note}[/dim]", highlight=False)


@dataclass
class Step:
    """A step that is being run."""

    note: str = ""
    """Added to the step's line, for instance `all built already`."""
