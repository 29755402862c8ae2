"""Starts the processes of the desktop, tells which one ended, and ends them in order."""

import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import FrameType

_END_TIMEOUT_SECONDS = 3.0
RESTART_SECONDS = 1.0
"""The pause before a process is started again. One that always ends at once leaves the processor to Blender."""


@dataclass(frozen=True)
class Ended:
    """A process ended."""

    name: str
    code: int
    """The exit code; a negative one is the signal that ended it."""


@dataclass
class Supervisor:
    """Starts processes, reports their ends in the order in which they happen, and passes on the request to end."""

    asked_to_end: bool = False
    """Whether SIGTERM or SIGINT was received."""
    _processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _ends: "SimpleQueue[Ended]" = field(default_factory=SimpleQueue)
    _ended_by_signal: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_ending: bool = False

    def handle_signals(self, name: str) -> None:
        """Pass SIGTERM and SIGINT on to the process `name` as SIGTERM, also to one that is started later."""

        def end(_number: int, _frame: FrameType | None) -> None:
            self.asked_to_end = True
            self._signal(name)

        self._ended_by_signal = name
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process.

        Args:
            name: the name for `Ended` and `end_all`.
            command: the program and its arguments.
            environment: its environment variables.
        """
        # The root folder, so that no program looks for its files in the home folder.
        process = subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL, cwd="/")
        self.adopt(name, process)

    def start_again(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process after `RESTART_SECONDS`, unless all processes are ended meanwhile."""

        def start() -> None:
            with self._lock:
                if not self._is_ending:
                    self.start(name, command, environment)

        timer = threading.Timer(RESTART_SECONDS, start)
        timer.daemon = True
        timer.start()

    def adopt(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        """Report the end of a process that was started elsewhere."""
        self._processes[name] = process
        threading.Thread(target=self._watch, args=(name, process), daemon=True).start()
        if self.asked_to_end and name == self._ended_by_signal:
            self._signal(name)

    def next_end(self) -> Ended:
        """Wait for the next process to end."""
        return self._ends.get()

    def end_all(self, names: Sequence[str]) -> None:
        """End processes in the given order, by SIGTERM and after `_END_TIMEOUT_SECONDS` by SIGKILL."""
        with self._lock:
            self._is_ending = True
        for name in names:
            process = self._processes.get(name)
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(_END_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        self._ends.put(Ended(name, process.wait()))

    def _signal(self, name: str) -> None:
        process = self._processes.get(name)
        if process is not None:
            process.terminate()
