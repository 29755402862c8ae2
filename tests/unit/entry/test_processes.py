"""The desktop's processes are started, watched and ended in order."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from entry.processes import Ended, Supervisor
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIVES = "import signal; signal.pause()"
NOTES_ITS_END = """
import pathlib, signal, sys
def end(*_):
    with open(sys.argv[1], "a") as stream:
        stream.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[3]).touch()
signal.pause()
"""
IGNORES = """
import pathlib, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
while True:
    signal.pause()
"""


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Supervisor()
    yield made
    for number, handler in former.items():
        signal.signal(number, handler)
    for process in made._processes.values():
        process.kill()
        process.wait()


def run(supervisor: Supervisor, name: str, script: str, *arguments: object) -> None:
    supervisor.start(name, [sys.executable, "-c", script, *map(str, arguments)], os.environ)


def test_ends_are_reported_in_their_order(supervisor: Supervisor) -> None:
    run(supervisor, "lives", LIVES)
    run(supervisor, "fails", "raise SystemExit(7)")
    assert supervisor.next_end() == Ended("fails", 7)
    run(supervisor, "killed", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert supervisor.next_end() == Ended("killed", -signal.SIGKILL)
    os.kill(supervisor._processes["lives"].pid, signal.SIGTERM)
    assert supervisor.next_end() == Ended("lives", -signal.SIGTERM)


def test_processes_end_in_the_given_order(supervisor: Supervisor, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        run(supervisor, name, NOTES_ITS_END, tmp_path / "ends", name, tmp_path / name)
        until("it runs", (tmp_path / name).exists)
    supervisor.end_all(["three", "one", "none of them", "two"])
    assert (tmp_path / "ends").read_text().split() == ["three", "one", "two"]


def test_a_process_that_does_not_end_is_killed(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entry.processes._END_TIMEOUT_SECONDS", 0.01)
    run(supervisor, "ignores", IGNORES, tmp_path / "runs")
    until("it runs", (tmp_path / "runs").exists)
    supervisor.end_all(["ignores"])
    assert supervisor.next_end() == Ended("ignores", -signal.SIGKILL)


def test_a_process_that_has_ended_is_no_obstacle(supervisor: Supervisor) -> None:
    run(supervisor, "fails", "raise SystemExit(7)")
    supervisor.next_end()
    supervisor.end_all(["fails"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_request_to_end_is_passed_on_as_sigterm(supervisor: Supervisor, number: signal.Signals) -> None:
    supervisor.handle_signals("Blender")
    run(supervisor, "other", LIVES)
    run(supervisor, "Blender", LIVES)
    assert not supervisor.asked_to_end
    signal.raise_signal(number)
    assert supervisor.asked_to_end
    assert supervisor.next_end() == Ended("Blender", -signal.SIGTERM)
    assert supervisor._processes["other"].poll() is None


def test_the_request_to_end_reaches_a_process_that_starts_later(supervisor: Supervisor) -> None:
    supervisor.handle_signals("Blender")
    signal.raise_signal(signal.SIGTERM)
    run(supervisor, "other", LIVES)
    run(supervisor, "Blender", LIVES)
    assert supervisor.next_end() == Ended("Blender", -signal.SIGTERM)
    assert supervisor._processes["other"].poll() is None


def test_no_process_starts_in_the_home_folder_or_reads_input(supervisor: Supervisor, tmp_path: Path) -> None:
    script = "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(os.getcwd() + sys.stdin.read())"
    run(supervisor, "tells", script, tmp_path / "told")
    assert supervisor.next_end() == Ended("tells", 0)
    assert (tmp_path / "told").read_text() == "/"


def test_a_process_is_started_again(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entry.processes.RESTART_SECONDS", 0)
    supervisor.start_again("fails", [sys.executable, "-c", "raise SystemExit(7)"], os.environ)
    assert supervisor.next_end() == Ended("fails", 7)


def test_nothing_is_started_again_once_all_are_ended(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[Timer] = []

    class Timer:
        """One that is over when the test says so."""

        daemon = False

        def __init__(self, _seconds: float, function: Callable[[], None]) -> None:
            self.function = function
            timers.append(self)

        def start(self) -> None:
            assert self.daemon

    monkeypatch.setattr("entry.processes.threading.Timer", Timer)
    supervisor.start_again("late", ["touch", str(tmp_path / "late")], os.environ)
    supervisor.end_all([])
    timers[0].function()
    assert supervisor._processes == {}
