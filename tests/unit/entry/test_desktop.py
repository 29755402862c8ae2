"""The desktop goes on whatever ends in it.

Programs of the test take the place of Xvnc, openbox, Blender and the agent.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from entry import desktop as module
from entry.desktop import Desktop
from entry.errors import StartError
from entry.settings import Settings
from limits.memory import Memory
from waiting import until
from workspace.state_file import WorkspaceState, read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLE = "shopping_cart.blend"
PROGRAM = f"#!{sys.executable}\n"
XVNC = (
    PROGRAM
    + """
import os, signal, sys
from pathlib import Path
Path(os.environ["TEST_FOLDER"], "xvnc.pid").write_text(str(os.getpid()))
os.write(int(sys.argv[sys.argv.index("-displayfd") + 1]), b"7\\n")
signal.pause()
"""
)
HELPER = (
    PROGRAM
    + """
import os, signal, sys
from pathlib import Path
name = "agent" if sys.argv[-1] == "agent" else Path(sys.argv[0]).name
starts = Path(os.environ["TEST_FOLDER"], name)
with starts.open("a") as stream:
    stream.write(f"{os.getpid()}\\n")
signal.pause()
"""
)
BLENDER = (
    PROGRAM
    + """
import json, os, signal, sys, time
from pathlib import Path
folder = Path(os.environ["TEST_FOLDER"])
def helper(name):
    while not (folder / name).exists() or not (folder / name).read_text().endswith("\\n"):
        time.sleep(0.01)
    return [int(line) for line in (folder / name).read_text().split()]
with (folder / "blender").open("a") as stream:
    stream.write(json.dumps({"arguments": sys.argv[1:], "notice": os.environ["BLENDER_SESSION_NOTICE"]}) + "\\n")
number = len((folder / "blender").read_text().splitlines())
exec((folder / f"run-{number}.py").read_text())
"""
)
ASKS_TO_END = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
os.kill(os.getppid(), signal.SIGTERM)
while True:
    signal.pause()
"""


class Machine:
    """A desktop whose Blender does what the test says, run for run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        share, temporary = folder / "share", folder / "temporary"
        for made in (self.home, temporary, share / "scenes"):
            made.mkdir(parents=True)
        (share / "scenes" / SAMPLE).write_text("as in the image")
        self.desktop = Desktop(Settings.from_environment({"BLENDER_SCENE": SAMPLE}), self.home, share, temporary)

    def run(self, *runs: str) -> None:
        """Run until Blender's last run ends the desktop."""
        for number, script in enumerate(runs, 1):
            (self.folder / f"run-{number}.py").write_text(script)
        self.desktop.start(self.folder / "vnc-password")
        try:
            self.desktop.run_blender()
        finally:
            self.desktop.end()

    @property
    def blenders(self) -> list[str]:
        """What each run of Blender was started with."""
        return (self.folder / "blender").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in {"Xvnc": XVNC, "openbox": HELPER, "blender": BLENDER, "run.py": HELPER}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("TEST_FOLDER", str(tmp_path))
    monkeypatch.setattr(module, "RUN", programs / "run.py")
    for of in ("entry.desktop", "entry.blender"):
        monkeypatch.setattr(f"{of}.UNREADABLE", tmp_path / "unreadable")
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Machine(tmp_path)
    yield made
    for number, handler in former.items():
        signal.signal(number, handler)
    for process in made.desktop._processes._processes.values():
        process.kill()
        process.wait()


def test_the_desktop_ends_in_order_when_it_is_asked_to(machine: Machine) -> None:
    machine.run(ASKS_TO_END)
    assert len(machine.blenders) == 1
    assert str(machine.home / SAMPLE) in machine.blenders[0]
    assert read_state(machine.home) == WorkspaceState(SAMPLE, running=False, failed_starts=0)
    processes = machine.desktop._processes._processes
    assert sorted(processes) == ["Blender", "Xvnc", "agent", "openbox"]
    until("all have ended", lambda: all(process.poll() is not None for process in processes.values()))


def test_a_person_who_quits_blender_gets_it_again(machine: Machine) -> None:
    machine.run("", "", ASKS_TO_END)
    assert len(machine.blenders) == 3
    assert not any("--factory-startup" in each for each in machine.blenders)
    assert '"notice": ""' in machine.blenders[2]


def test_a_blender_that_ends_before_it_handles_sigterm_is_an_end_in_order(machine: Machine) -> None:
    machine.run("os.kill(os.getppid(), signal.SIGTERM)\nwhile True: signal.pause()")
    assert read_state(machine.home).running is False


def test_a_crash_is_reported_and_leaves_the_state_of_a_crash(machine: Machine) -> None:
    with pytest.raises(StartError, match="Blender ended unexpectedly: signal SIGSEGV") as failed:
        machine.run("os.kill(os.getpid(), signal.SIGSEGV)")
    assert failed.value.reason == "BlenderFailed"
    assert read_state(machine.home) == WorkspaceState(SAMPLE, running=True, failed_starts=1)


def test_a_lack_of_memory_is_reported_and_told_at_the_next_start(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = iter((3, 4))
    monkeypatch.setattr(module, "read_memory", lambda: Memory(1 << 30, 2 << 30, next(kills)))
    with pytest.raises(StartError, match=r"its limit of 2 GiB. Raise spec\.resources\.limits\.memory") as failed:
        machine.run("os.kill(os.getpid(), signal.SIGKILL)")
    assert failed.value.reason == "OutOfMemory"
    state = read_state(machine.home)
    assert state.ended_because == "Blender was ended because the desktop used more memory than its limit of 2 GiB."


def test_a_screen_that_ends_is_reported(machine: Machine) -> None:
    script = "os.kill(int((folder / 'xvnc.pid').read_text()), signal.SIGKILL)\nsignal.pause()"
    with pytest.raises(StartError, match="The screen ended: signal SIGKILL") as failed:
        machine.run(script)
    assert failed.value.reason == "DisplayFailed"


@pytest.mark.parametrize("name", ["agent", "openbox"])
def test_a_helper_that_ends_is_started_again_beside_the_same_blender(machine: Machine, name: str) -> None:
    script = f"""
os.kill(helper("{name}")[0], signal.SIGKILL)
while len(helper("{name}")) < 2:
    time.sleep(0.01)
"""
    machine.run(script + ASKS_TO_END)
    assert len(machine.blenders) == 1
    assert len((machine.folder / name).read_text().split()) == 2


def test_a_scene_that_blender_cannot_read_is_replaced_at_once(machine: Machine) -> None:
    machine.run("(folder / 'unreadable').touch()\nsys.exit(1)", ASKS_TO_END)
    assert str(machine.home / SAMPLE) in machine.blenders[0]
    assert str(machine.home / "shopping_cart-2.blend") in machine.blenders[1]
    assert "shopping_cart.blend cannot be read. The file is unchanged." in machine.blenders[1]


@pytest.mark.parametrize(("failed_starts", "factory"), [(1, False), (2, True)])
def test_after_two_failed_starts_blender_starts_without_the_preferences(
    machine: Machine, failed_starts: int, factory: bool
) -> None:
    (machine.home / SAMPLE).write_text("my work")
    write_state(machine.home, WorkspaceState(SAMPLE, running=True, failed_starts=failed_starts))
    machine.run(ASKS_TO_END)
    [blender] = machine.blenders
    assert ("--factory-startup" in blender) is factory
    assert ("Blender was started without your preferences" in blender) is factory


def test_automatic_saves_of_a_crash_are_kept_and_named(machine: Machine) -> None:
    (machine.home / SAMPLE).write_text("my work")
    os.utime(machine.home / SAMPLE, (1000, 1000))
    (machine.home / "autosave").mkdir()
    (machine.home / "autosave" / "shopping_cart_7_autosave.blend").write_text("newer work")
    write_state(machine.home, WorkspaceState(SAMPLE, running=True, failed_starts=0))
    machine.run(ASKS_TO_END)
    [kept] = (machine.home / "recovered").iterdir()
    assert kept.read_text() == "newer work"
    assert f"recovered/{kept.name}" in machine.blenders[0]


def test_a_screen_that_does_not_come_up_is_reported(machine: Machine) -> None:
    (machine.folder / "programs" / "Xvnc").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(StartError, match="Xvnc did not give a display of 1280x720") as failed:
        machine.run("")
    assert failed.value.reason == "DisplayFailed"
