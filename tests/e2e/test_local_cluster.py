"""What `make down` promises: nothing is left, also after a crash half-way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localcluster import paths
from localcluster.volumes import FOLDER
from ports import HeldPort

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NAME = "crash"
STATE = paths.STATE_ROOT / NAME
CRASHING = """
import os, runpy, signal, sys
from pathlib import Path
from localcluster import processes

component, start = sys.argv.pop(1), processes.start

def start_and_crash(pid_file: Path, *arguments: object) -> processes.Record:
    record = start(pid_file, *arguments)
    if pid_file.stem == component:
        os.killpg(0, signal.SIGKILL)
    return record

processes.start = start_and_crash
runpy.run_module("localcluster", run_name="__main__", alter_sys=True)
"""
"""Runs a command that is killed without mercy as soon as it has started a component."""


def command(*words: str) -> list[str]:
    """Run as `make` does."""
    return [sys.executable, "-m", "localcluster", *words, f"--name={NAME}"]


ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "local" / "cluster")}


def run(*words: str) -> str:
    """Run a command to its end."""
    done = subprocess.run(command(*words), env=ENVIRONMENT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def printed(*words: str) -> list[str]:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def traces() -> dict[str, list[str]]:
    """What a cluster of this name can leave on the machine, outside its own folder."""
    processes = [
        command
        for folder in Path("/proc").iterdir()
        if folder.name.isdecimal()
        and str(STATE) in (command := _command_of(folder))
        and int(folder.name) != os.getpid()
    ]
    return {
        "processes": processes,
        "mounts": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(STATE) in line],
        "interfaces": [line for line in printed("ip", "-brief", "link") if f"bs-{NAME}" in line],
        "sets of addresses": [
            line for line in printed("ipset", "list", "-name") if "blender" in line or "KUBE" in line
        ],
        "routes": [line for line in printed("ip", "route") if f"bs-{NAME}" in line],
        "cgroups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/*blender*{NAME}*")],
    }


def _command_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def recorded() -> dict[str, str]:
    """Who runs, as the pid files say."""
    return {file.stem: file.read_text() for file in (STATE / "pids").rglob("*.pid")}


def crash_when_started(component: str, ports: list[str]) -> None:
    """Run `up`, which is killed as soon as a component is started."""
    done = subprocess.run(
        [sys.executable, "-c", CRASHING, component, "up", f"--name={NAME}", *ports],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.fixture
def ports() -> Iterator[list[str]]:
    """The options for two ports that no other program has or gets."""
    with HeldPort() as http, HeldPort() as api:
        yield [f"--http-port={http.number}", f"--api-port={api.number}"]


@pytest.fixture(autouse=True)
def _purged() -> Iterator[None]:
    yield
    run("down", "--purge")


@pytest.mark.parametrize("component", ["etcd", "kube-apiserver", "policies"])
def test_down_leaves_nothing_after_a_crash_half_way(component: str, ports: list[str]) -> None:
    crash_when_started(component, ports)
    assert any(traces().values()), "the crash left something, or this test shows nothing"

    run("down")

    assert {kind: found for kind, found in traces().items() if found} == {}


def test_a_crashed_start_goes_on_and_a_second_one_changes_nothing(ports: list[str]) -> None:
    crash_when_started("kubelet", ports)

    run("up", *ports)
    components = recorded()
    assert "runs already" in run("up", *ports)
    assert recorded() == components
    volumes = STATE / FOLDER
    (volumes / "pvc-1").mkdir()

    run("down")
    assert not volumes.exists()
    assert {kind: found for kind, found in traces().items() if found} == {}
