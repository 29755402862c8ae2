"""A pid file is trusted for exactly the process that it was written for."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from localcluster import processes
from waiting import DEADLINE_SECONDS, until


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[tuple[Path, processes.Record]]:
    """A running program and its pid file."""
    pid_file = tmp_path / "pids" / "sleeper.pid"
    record = processes.start(pid_file, ["/bin/sleep", "600"], tmp_path / "log", "mark")
    yield pid_file, record
    processes.stop(pid_file, grace=0)


def test_a_started_program_is_known_by_its_pid_file(sleeper: tuple[Path, processes.Record]) -> None:
    pid_file, record = sleeper
    assert processes.running(pid_file) == record
    assert record.fingerprint == "mark"


def test_stop_ends_it_and_removes_the_pid_file(sleeper: tuple[Path, processes.Record]) -> None:
    pid_file, record = sleeper
    processes.stop(pid_file, grace=DEADLINE_SECONDS)
    assert not processes.is_alive(record.identity)
    assert not pid_file.exists()


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another boot"}])
def test_another_process_of_the_same_number_is_left_alone(
    sleeper: tuple[Path, processes.Record], change: dict[str, Any]
) -> None:
    pid_file, record = sleeper
    original = pid_file.read_text()
    pid_file.write_text(json.dumps(asdict(replace(record, identity=replace(record.identity, **change)))))
    assert processes.running(pid_file) is None
    processes.stop(pid_file, grace=0)
    assert processes.is_alive(record.identity)
    pid_file.write_text(original)


@pytest.mark.parametrize("content", ["", "{", "17", "{}", '{"identity": {"pid": 1}, "fingerprint": ""}'])
def test_half_a_pid_file_names_nobody(tmp_path: Path, content: str) -> None:
    pid_file = tmp_path / "x.pid"
    pid_file.write_text(content)
    assert processes.running(pid_file) is None
    processes.stop(pid_file, grace=0)
    assert not pid_file.exists()


def test_a_program_that_ended_is_not_alive(tmp_path: Path) -> None:
    pid_file = tmp_path / "true.pid"
    record = processes.start(pid_file, ["/bin/true"], tmp_path / "log", "")
    until("the program has ended", lambda: not processes.is_alive(record.identity))
    assert processes.running(pid_file) is None


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "stubborn.pid"
    log = tmp_path / "log"
    script = "trap '' TERM; echo ready; while :; do sleep 600; done"
    record = processes.start(pid_file, ["/bin/sh", "-c", script], log, "")
    until("the signal is trapped", lambda: log.exists() and "ready" in log.read_text())
    orphans = until("its child runs", lambda: processes.children(record.identity.pid))
    processes.stop(pid_file, grace=0.2)
    assert not processes.is_alive(record.identity)
    for orphan in orphans:
        os.kill(orphan, signal.SIGKILL)


def test_the_child_of_a_wrapper_gets_the_signal(tmp_path: Path) -> None:
    pid_file = tmp_path / "wrapped.pid"
    log = tmp_path / "log"
    script = "(trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.05; done) & wait $!"
    record = processes.start(pid_file, ["/bin/sh", "-c", script], log, "")
    until("the signal is trapped", lambda: log.exists() and "ready" in log.read_text())
    processes.stop(pid_file, grace=DEADLINE_SECONDS, wrapped=True)
    assert not processes.is_alive(record.identity)
    assert "told" in log.read_text()


@pytest.mark.parametrize("name", ["sh", "a) S 1 (b", "two words", ")"])
def test_a_program_may_be_called_anything(name: str) -> None:
    numbers = " ".join(str(number) for number in range(4, 53))
    assert processes.parse_stat(f"1 ({name}) R {numbers}") == ("R", 22)


@pytest.mark.parametrize("recorded", [None, "another process"])
def test_a_program_that_a_crash_kept_from_being_recorded_never_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: str | None
) -> None:
    """A crash is a `replace` that never happens; what a later run records there is not this program."""
    pid_file, begun = tmp_path / "program.pid", tmp_path / "begun"
    if recorded:
        record = processes.Record(processes.Identity(1, 0, processes.boot_id()), recorded)
        pid_file.write_text(json.dumps(asdict(record)))
    monkeypatch.setattr(processes, "_RECORDED", processes._RECORDED.replace("-lt 500", "-lt 5"))
    monkeypatch.setattr(Path, "replace", lambda *_: None)
    record = processes.start(pid_file, ["/bin/touch", str(begun)], tmp_path / "log", "mark")
    until("the program gives up", lambda: not processes.is_alive(record.identity))
    assert not begun.exists()


def test_a_program_whose_starter_was_killed_first_gives_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parent is process 1 from its first moment on, and that one lives."""
    begun = tmp_path / "begun"
    # The kernel gives no process this number.
    gone = int(Path("/proc/sys/kernel/pid_max").read_text())
    # One that waited for a record would do so for hours.
    monkeypatch.setattr(processes, "_RECORDED", processes._RECORDED.replace("-lt 500", "-lt 1000000"))
    monkeypatch.setattr(os, "getpid", lambda: gone)
    monkeypatch.setattr(Path, "replace", lambda *_: None)
    record = processes.start(tmp_path / "program.pid", ["/bin/touch", str(begun)], tmp_path / "log", "mark")
    until("the program gives up and waits for no record", lambda: not processes.is_alive(record.identity))
    assert not begun.exists()
