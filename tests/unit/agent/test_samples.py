"""A desktop of a pool opens a sample once, and says when it is on screen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import pytest

from agent.blender import NO_BLENDER, BlenderState, Opened
from agent.bridge_requests import BlenderEnded, Busy
from agent.messages import Refused
from agent.samples import Samples
from workspace.open_failure import OpenFailed

if TYPE_CHECKING:
    from pathlib import Path

    from agent.blender import Blender

STATE = BlenderState(7, True, "SceneOnScreen", "The scene is on screen.", version="4.3.2")


@dataclass
class FakeBlender:
    """Opens scenes, and draws them when a test says so."""

    state: BlenderState = STATE
    failure: Exception | None = None
    opened: list[Path] = field(default_factory=list)
    draws: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Set unless a test holds the opening up."""

    def __post_init__(self) -> None:
        self.draws.set()
        self.goes_on.set()

    async def open(self, file: Path, seconds: float) -> Opened:
        assert seconds > 0
        if self.failure:
            raise self.failure
        self.opened.append(file)
        self.begun.set()
        await self.goes_on.wait()
        self.state = replace(STATE, ready=False, file=str(file))
        return Opened()

    async def next_report(self) -> BlenderState:
        await self.draws.wait()
        self.state = replace(self.state, ready=True)
        return self.state


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    folder.mkdir()
    for name in ("can.blend", "cart.blend"):
        (folder / name).write_bytes(b"a sample")
    return folder


def of(home: Path, blender: FakeBlender, samples: Path) -> Samples:
    return Samples(home, cast("Blender", blender), samples)


async def opened(name: str, home: Path, blender: FakeBlender, samples: Path) -> Path:
    return await of(home, blender, samples).open(name)


async def test_a_copy_is_opened_and_told_when_it_is_on_screen(home: Path, samples: Path) -> None:
    blender = FakeBlender()
    blender.draws.clear()
    asked = asyncio.ensure_future(opened("can.blend", home, blender, samples))
    await blender.begun.wait()
    assert not asked.done(), "it is not drawn yet"
    blender.draws.set()
    assert await asked == home / "can.blend"
    assert (home / "can.blend").read_bytes() == b"a sample"


async def test_a_second_request_opens_nothing_and_changes_nothing(home: Path, samples: Path) -> None:
    blender = FakeBlender()
    await opened("can.blend", home, blender, samples)
    (home / "can.blend").write_bytes(b"a person's work")
    await opened("can.blend", home, blender, samples)
    assert len(blender.opened) == 1
    assert (home / "can.blend").read_bytes() == b"a person's work"


async def test_a_request_during_the_first_is_the_same_opening(home: Path, samples: Path) -> None:
    blender = FakeBlender()
    blender.goes_on.clear()
    agent = of(home, blender, samples)
    first = asyncio.ensure_future(agent.open("can.blend"))
    await blender.begun.wait()
    second = asyncio.ensure_future(agent.open("can.blend"))
    with pytest.raises(Refused) as refused:
        await agent.open("cart.blend")
    assert refused.value.response.status == 409
    assert (
        refused.value.response.body["message"] == "can.blend is being opened. Ask for cart.blend when it is on screen."
    )
    # The operator that asked first is gone, and what it asked for goes on.
    first.cancel()
    blender.goes_on.set()
    assert await second == home / "can.blend"
    assert names(home) == ["can.blend"]
    assert await agent.open("cart.blend") == home / "cart.blend"
    assert blender.opened == [home / "can.blend", home / "cart.blend"]


async def test_an_opening_that_failed_is_tried_again(home: Path, samples: Path) -> None:
    blender = FakeBlender(failure=OpenFailed(409, "A render runs."))
    agent = of(home, blender, samples)
    with pytest.raises(Refused):
        await agent.open("can.blend")
    blender.failure = None
    assert await agent.open("can.blend") == home / "can.blend"


async def test_what_an_attempt_before_copied_is_opened(home: Path, samples: Path) -> None:
    blender = FakeBlender(failure=BlenderEnded())
    with pytest.raises(Refused):
        await opened("can.blend", home, blender, samples)
    blender.failure = None
    assert await opened("can.blend", home, blender, samples) == home / "can.blend"
    assert names(home) == ["can.blend"]


@pytest.mark.parametrize("name", ["other.blend", "../can.blend", "/etc/passwd", "can", ""])
async def test_what_is_no_sample_is_refused_with_the_list(home: Path, samples: Path, name: str) -> None:
    with pytest.raises(Refused) as refused:
        await opened(name, home, FakeBlender(state=NO_BLENDER), samples)
    assert refused.value.response.status == 404
    assert "can.blend" in str(refused.value.response.body["message"])


@pytest.mark.parametrize("failure", [BlenderEnded(), Busy(begun=False), OpenFailed(409, "A render runs.")])
async def test_a_blender_that_does_not_open_it_is_told(home: Path, samples: Path, failure: Exception) -> None:
    with pytest.raises(Refused) as refused:
        await opened("can.blend", home, FakeBlender(failure=failure), samples)
    assert refused.value.response.status == 503


async def test_a_home_folder_that_cannot_be_written_is_told(tmp_path: Path, samples: Path) -> None:
    with pytest.raises(Refused) as refused:
        await opened("can.blend", tmp_path / "gone", FakeBlender(), samples)
    assert refused.value.response.status == 507
