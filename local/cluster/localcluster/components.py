"""The long-running programs of a cluster: they are started, supervised and stopped."""

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
    """The contents of files that the program reads only when it starts."""

    @property
    def fingerprint(self) -> str:
        """A hash of the command line and of `depends`. A running program with another hash is out of date."""
        return processes.fingerprint(*self.command, *self.depends)


@dataclass(frozen=True)
class Supervisor:
    """Starts and stops components. The pid files are in one folder, and the logs in another."""

    pids: Path
    logs: Path
    prefix: tuple[str, ...] = ()
    """Put before each command line: `nsenter …` for components that run on the node."""

    def run(self, component: Component) -> bool:
        """Start `component`, or restart it if it is out of date. Return whether it was started."""
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
            StepFailedError: the component ended, or `seconds` passed. The message ends with `advice`.
        """

        def settled() -> bool:
            return not self.is_running(name) or condition()

        in_time = processes.wait(settled, seconds)
        if not self.is_running(name):
            raise StepFailedError(f"{name} ended during its start.", self.log(name), advice)
        if not in_time:
            raise StepFailedError(f"{name} was not ready within {seconds:.0f} s.", self.log(name), advice)

    def is_running(self, name: str) -> bool:
        """Return whether the component runs."""
        return processes.running(self.pid_file(name)) is not None

    def stop(self, name: str, grace: float) -> None:
        """Stop the component with SIGTERM, and with SIGKILL after `grace` seconds."""
        processes.stop(self.pid_file(name), grace, wrapped=bool(self.prefix))

    def names(self) -> Sequence[str]:
        """Return the names of the components that were started, whether they run or not."""
        return sorted(path.stem for path in self.pids.glob("*.pid"))

    def pid_file(self, name: str) -> Path:
        """Return the component's pid file."""
        return self.pids / f"{name}.pid"

    def log(self, name: str) -> Path:
        """Return the component's log."""
        return self.logs / f"{name}.log"
