"""Processes of the operator, forked from one that has imported it: a start costs milliseconds, not two seconds."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import warnings
from multiprocessing import forkserver
from typing import TYPE_CHECKING
from unittest import mock

from blendersessions_operator.__main__ import main
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping
    from pathlib import Path

LOADER_VARIABLE = "LD_PRELOAD"
"""The dynamic loader reads it when a program begins, so such a process is no fork alone."""
_FORKS = multiprocessing.get_context("forkserver")


class OperatorProcess:
    """One process of the operator, with an environment, a working directory and a log of its own."""

    def __init__(self, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        """Start it.

        Args:
            environment: its environment variables, all of them.
            folder: its working directory.
            log: the file that its output is appended to.
        """
        _start_fork_server()
        # A daemon ends with the tests, whatever becomes of them.
        self._process = _FORKS.Process(target=_run, args=(dict(environment), folder, log), daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs. A signal that ended it is a negative number."""
        return self._process.exitcode

    def wait(self) -> int:
        """Wait for the end, and return the exit code.

        Raises:
            AssertionError: it does not end. It is killed.
        """
        self._process.join(DEADLINE_SECONDS)
        code = self._process.exitcode
        if code is None:
            self._process.kill()
            self._process.join()
            raise AssertionError(f"the operator does not end within {DEADLINE_SECONDS:.0f} s")
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.exitcode is None and self._process.pid is not None:
            os.kill(self._process.pid, number)


def _start_fork_server() -> None:
    """Start what the processes are forked from, once for this process of the test run."""
    forkserver.set_forkserver_preload([__name__])
    # Python 3.11 gives the fork server no other way to know our folders.
    with mock.patch.dict(os.environ, {"PYTHONPATH": os.pathsep.join(sys.path)}):
        forkserver.ensure_running()


def _run(environment: dict[str, str], folder: Path, log: Path) -> None:
    """Become the program: `python -W error::ResourceWarning -m blendersessions_operator`."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    if LOADER_VARIABLE in environment:
        command = [sys.executable, "-W", "error::ResourceWarning", "-m", "blendersessions_operator"]
        # Without a shell, as it must be: it takes the place of this process.
        os.execve(command[0], command, environment | {"PYTHONPATH": os.pathsep.join(sys.path)})  # noqa: S606
    warnings.simplefilter("error", ResourceWarning)
    try:
        main()
    finally:
        # What the end of an interpreter would find open is told now.
        gc.unfreeze()
        gc.collect()
