"""A process counts as working if it, or what it started, computes or transfers data."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.process import WINDOW_SECONDS, Activity, ProcessMonitor, Usage, read_usage
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPUTES = "while True: pass"
SLEEPS = "import signal; signal.pause()"
WRITES = "while True: open('/dev/null', 'wb').write(bytes(65536))"
WAITS_FOR = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@contextmanager
def running(script: str, *arguments: str) -> Iterator[int]:
    """Run a script with all that it starts, and return its process ID."""
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], start_new_session=True)
    try:
        yield process.pid
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.wait()


def used(pid: int) -> Usage:
    usage = read_usage(pid)
    assert usage is not None
    return usage


@pytest.mark.parametrize("arguments", [(COMPUTES,), (WAITS_FOR, COMPUTES)], ids=["itself", "a child"])
def test_a_process_that_computes_uses_processor_time(arguments: tuple[str, ...]) -> None:
    with running(*arguments) as pid:
        before = used(pid).cpu_seconds
        until("its time grows", lambda: used(pid).cpu_seconds >= before + 0.5)


@pytest.mark.parametrize("arguments", [(WRITES,), (WAITS_FOR, WRITES)], ids=["itself", "a child"])
def test_a_process_that_writes_transfers_bytes(arguments: tuple[str, ...]) -> None:
    with running(*arguments) as pid:
        before = used(pid).transferred_bytes
        until("its bytes grow", lambda: used(pid).transferred_bytes >= before + 1_000_000)


def test_a_process_that_sleeps_uses_nothing() -> None:
    with running(SLEEPS) as pid:

        def is_asleep() -> bool:
            before = used(pid)
            return Path(f"/proc/{pid}/wchan").exists() and _state(pid) == "S" and used(pid) == before

        until("it sleeps", is_asleep)
        before = used(pid)
        assert [used(pid) for _ in range(100)] == [before] * 100


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_what_an_ended_child_used_still_counts() -> None:
    script = (
        "import subprocess, sys, signal\n"
        "subprocess.run([sys.executable, '-c', 'open(\"/dev/null\", \"wb\").write(bytes(9_000_000))'])\n"
        "print('ended', flush=True)\nsignal.pause()"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ended\n"
        assert used(process.pid).transferred_bytes >= 9_000_000
    finally:
        process.kill()
        process.communicate()


def test_no_process_has_no_usage() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert read_usage(process.pid) is None


def test_a_name_with_spaces_and_parentheses_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "stat").write_text("7 (a (b) c) S 1 " + " ".join(["0"] * 9) + " 100 50 25 25 20 0\n")
    (folder / "io").write_text("rchar: 10\nwchar: 20\nsyscr: 3\n")
    assert read_usage(7, tmp_path) == Usage(pytest.approx(2.0), 30)


def test_the_activity_is_the_difference_of_the_last_seconds() -> None:
    monitor = ProcessMonitor()
    assert monitor.activity == Activity()
    monitor.sample(0.0, 7, Usage(1.0, 1000))
    assert monitor.activity == Activity()
    monitor.sample(2.0, 7, Usage(2.0, 5000))
    assert monitor.activity == Activity(0.5, 4000)
    for second in range(3, 30):
        monitor.sample(float(second), 7, Usage(2.0, 5000))
    assert monitor.activity == Activity()


def test_a_busy_process_stays_busy_for_the_window() -> None:
    monitor = ProcessMonitor()
    for second in range(21):
        monitor.sample(float(second), 7, Usage(float(second), second * 1000))
    assert monitor.activity == Activity(1.0, int(WINDOW_SECONDS) * 1000)


def test_a_thread_that_waits_for_a_processor_is_busy() -> None:
    """On a crowded node it computes all the time, and gets a tenth of a core."""
    monitor = ProcessMonitor()
    monitor.sample(0.0, 7, Usage(1.0, 0, {7: 3.0, 8: 50.0}))
    monitor.sample(10.0, 7, Usage(2.0, 0, {7: 3.5, 8: 60.0, 9: 70.0}))
    assert monitor.activity == Activity(0.1, 0, 1.0)
    monitor.sample(20.0, 7, Usage(2.0, 0, {7: 4.0}))
    assert monitor.activity == Activity(0.0, 0, 0.05)


@pytest.mark.parametrize("arguments", [(COMPUTES,), (WAITS_FOR, COMPUTES)], ids=["itself", "a child"])
def test_a_process_that_computes_has_a_thread_that_never_sleeps(arguments: tuple[str, ...]) -> None:
    with running(*arguments) as pid:
        before = used(pid).thread_seconds
        until("a thread is busy", lambda: max(used(pid).thread_seconds.values()) >= max(before.values()) + 0.5)


def test_where_the_kernel_does_not_count_it_no_thread_is_busy(tmp_path: Path) -> None:
    thread = tmp_path / "7" / "task" / "7"
    thread.mkdir(parents=True)
    (tmp_path / "7" / "stat").write_text("7 (a) S 1 " + " ".join(["0"] * 9) + " 100 50 25 25 20 0\n")
    (tmp_path / "7" / "io").write_text("rchar: 10\nwchar: 20\n")
    assert read_usage(7, tmp_path) == Usage(pytest.approx(2.0), 30)
    (thread / "schedstat").write_text("1500000000 500000000 12\n")
    assert read_usage(7, tmp_path) == Usage(pytest.approx(2.0), 30, {7: 2.0})


def test_another_process_begins_anew() -> None:
    monitor = ProcessMonitor()
    monitor.sample(0.0, 7, Usage(100.0, 9))
    monitor.sample(1.0, 8, Usage(0.0, 0))
    assert monitor.activity == Activity()
    monitor.sample(2.0, 8, Usage(1.0, 0))
    assert monitor.activity == Activity(1.0, 0)


def test_a_process_that_is_gone_does_nothing() -> None:
    monitor = ProcessMonitor()
    monitor.sample(0.0, 7, Usage(0.0, 0))
    monitor.sample(1.0, 7, Usage(1.0, 0))
    monitor.sample(2.0, 0, None)
    assert monitor.activity == Activity()


def test_a_child_that_ends_takes_nothing_below_zero() -> None:
    monitor = ProcessMonitor()
    monitor.sample(0.0, 7, Usage(5.0, 900))
    monitor.sample(1.0, 7, Usage(1.0, 100))
    assert monitor.activity == Activity()
