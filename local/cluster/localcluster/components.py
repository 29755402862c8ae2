"""A cluster's programs: started when they are not running as wanted, and their logs shown when they fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster import processes
from localcluster.errors import StepFailedError


@dataclass(frozen=True)
class Component:
    """One long-running program."""

    name: str
    command: tuple[str, ...]
    depends: tuple[str, ...] = ()
    """Contents of files that the program reads once, at its start."""

    @property
    def fingerprint(self) -> str:
        """What must be equal for a running program to be this one."""
        return processes.fingerprint(*self.command, *self.depends)


@dataclass(frozen=True)
class Supervisor:
    """Starts components and keeps their pid files and logs in one folder each."""

    pids: Path
    logs: Path
    prefix: tuple[str, ...] = ()
    """A command in front of every component's: `nsenter …` for those that run on the node."""

    def run(self, component: Component) -> bool:
        """Make sure that `component` runs; return whether it had to be started."""
        record = processes.running(self.pid_file(component.name))
        if record is not None and record.fingerprint == component.fingerprint:
            return False
        if record is not None:
            self.stop(component.name, grace=20)
        processes.start(
            self.pid_file(component.name),
            [*self.prefix, *component.command],
            self.log(component.name),
            component.fingerprint,
        )
        return True

    def wait(self, name: str, condition: Callable[[], bool], seconds: float, advice: str = "") -> None:
        """Wait until `condition()` holds.

        Raises:
            StepFailedError: the component ended, or `seconds` passed.
        """

        def settled() -> bool:
            return not self.is_running(name) or condition()

        in_time = processes.wait(settled, seconds)
        if not self.is_running(name):
            raise StepFailedError(f"{name} ended at its start.", self.log(name), advice)
        if not in_time:
            raise StepFailedError(f"{name} was not ready within {seconds:.0f} s.", self.log(name), advice)

    def is_running(self, name: str) -> bool:
        """Tell whether the component runs."""
        return processes.running(self.pid_file(name)) is not None

    def stop(self, name: str, grace: float) -> None:
        """End the component, by force after `grace` seconds."""
        processes.stop(self.pid_file(name), grace, wrapped=bool(self.prefix))

    def names(self) -> Sequence[str]:
        """Return the names of the components that were started here, running or not."""
        return sorted(path.stem for path in self.pids.glob("*.pid"))

    def pid_file(self, name: str) -> Path:
        """Return the component's pid file."""
        return self.pids / f"{name}.pid"

    def log(self, name: str) -> Path:
        """Return the component's log."""
        return self.logs / f"{name}.log"
