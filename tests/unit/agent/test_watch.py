"""The agent looks at Blender's process once a second, and warns the person before something is full."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agent import watch as module
from agent.blender import Blender, BlenderState
from agent.process import Usage
from agent.watch import FOLDERS_SECONDS, MEMORY_SECONDS, NOTICE_SECONDS, Folders, Watch
from agent.work import BUSY_SECONDS, WorkTracker
from limits.folders import Fill
from limits.memory import Memory

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = Fill(0, 100)
FULL = Fill(96, 100)


class Machine:
    """What the agent looks at, as the test says it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, *, home_is_kept: bool = True) -> None:
        self.now = 1000.0
        self.heard_at = 1000.0
        self.usage: Usage | None = Usage(0.0, 0)
        self.memory: Memory | None = Memory(0, 100, 0)
        self.fills: dict[Path, Fill | None] = {}
        self.measured: list[Path] = []
        self.notices: list[tuple[str, float]] = []
        folders = Folders(folder / "home", None, folder / "tmp", 100, home_is_kept)
        self.home, self.temporary = folders.home, folders.temporary
        self.work = WorkTracker()
        blender = Blender(self.notify, lambda: self.now - self.heard_at)
        blender.state = BlenderState(pid=os.getpid(), ready=True)
        monkeypatch.setattr(Blender, "silent_seconds", property(lambda _: self.now - self.heard_at))
        monkeypatch.setattr(module, "read_usage", lambda _pid: self.usage)
        monkeypatch.setattr(module, "read_memory", lambda: self.memory)
        monkeypatch.setattr(module, "measure", self.measure)
        self.blender = blender
        self.watch = Watch(blender, self.work, folders, self.notify)

    def notify(self, text: str, seconds: float) -> None:
        self.notices.append((text, seconds))

    def measure(self, folder: Path, _limit: int | None) -> Fill | None:
        self.measured.append(folder)
        return self.fills.get(folder, EMPTY)

    async def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        await self.watch.tick(self.now)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path)


async def test_a_busy_blender_whose_process_computes_works(machine: Machine) -> None:
    for second in range(int(BUSY_SECONDS) + 2):
        machine.usage = Usage(float(second), 0)
        await machine.tick()
    assert machine.work.current.kind == "Operation"


async def test_a_silent_blender_whose_process_does_nothing_is_stuck(machine: Machine) -> None:
    for _ in range(70):
        await machine.tick()
    assert machine.work.current.stuck
    [(notice, _)] = machine.notices
    assert notice.startswith("Blender has not responded for 60 seconds, and its process does nothing.")
    assert "suspend the session" in notice


async def test_without_blender_there_is_nothing_to_see(machine: Machine) -> None:
    machine.blender.state = BlenderState()
    machine.heard_at = machine.now + 1000
    machine.usage = None
    await machine.tick()
    assert not machine.work.current.kind


async def test_each_full_thing_is_told_once(machine: Machine) -> None:
    machine.memory = Memory(96, 100, 0)
    machine.fills = {machine.home: FULL, machine.temporary: FULL}
    for _ in range(100):
        machine.heard_at = machine.now
        await machine.tick()
    texts = [text for text, _ in machine.notices]
    assert [text.partition(" is nearly full")[0] for text in texts] == [
        "The memory",
        "The workspace",
        "The folder /tmp",
    ]
    assert {seconds for _, seconds in machine.notices} == {NOTICE_SECONDS}


async def test_a_home_folder_that_goes_with_the_pod_has_a_warning_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = Machine(monkeypatch, tmp_path, home_is_kept=False)
    machine.fills = {machine.home: FULL}
    await machine.tick()
    [(text, _)] = machine.notices
    assert text.startswith("The home folder is nearly full")
    assert "everything in it is lost" in text


async def test_a_container_without_a_limit_or_a_control_group_has_no_warning(machine: Machine) -> None:
    for memory in (None, Memory(1 << 50, None, 0)):
        machine.memory = memory
        machine.fills = {machine.home: None, machine.temporary: None}
        await machine.tick(MEMORY_SECONDS)
    assert machine.notices == []


async def test_the_folders_are_measured_seldom(machine: Machine) -> None:
    for _ in range(int(FOLDERS_SECONDS)):
        await machine.tick()
    assert machine.measured == [machine.home, machine.temporary]
    await machine.tick()
    assert machine.measured == 2 * [machine.home, machine.temporary]
