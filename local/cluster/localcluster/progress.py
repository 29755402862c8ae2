"""Steps with their times, on the terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console


@dataclass
class Steps:
    """Prints one line per step, with how long it took."""

    console: Console = field(default_factory=Console)

    @contextmanager
    def step(self, title: str) -> Iterator["Step"]:
        """Show that `title` is under way, then its time; a step that fails is marked and its error goes on."""
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
    """A step under way."""

    note: str = ""
    """What to add to the step's line, for instance that there was nothing to do."""
