"""The agent knows what the bridge reported last, and a save has exactly one outcome, whatever happens to Blender."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.blender import MAX_LINE_BYTES, NO_BLENDER, Blender, BlenderState, Opened
from agent.bridge_requests import BlenderEnded, Busy
from unit.agent.bridge_end import STATE, connected, until_so
from waiting import DEADLINE_SECONDS
from workspace.open_failure import OpenFailed
from workspace.save_failure import SaveFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager


class Agent:
    """What the agent has of Blender, with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.notices: list[tuple[str, float]] = []
        self.blender = Blender(lambda text, seconds: self.notices.append((text, seconds)), lambda: self.now)

    async def until_reported(self, **changes: object) -> None:
        wanted = BlenderState(**{name: value for name, value in (STATE | changes).items() if name != "type"})
        await until_so("the state arrives", lambda: self.blender.state == wanted)


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[Agent]:
    agent = Agent()
    server = await agent.blender.listen(path)
    try:
        yield agent
    finally:
        server.close()
        await server.wait_closed()
        await until_so("every connection is closed", lambda: agent.blender.state == NO_BLENDER)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.sock"


async def test_the_state_is_the_last_report(path: Path) -> None:
    async with listening(path) as agent:
        assert agent.blender.state == NO_BLENDER
        async with connected(path) as bridge:
            await bridge.send(STATE | {"draws": 1, "camera": None}, STATE)
            await agent.until_reported()


@pytest.fixture(params=["file", "folder", "socket"])
def taken_path(request: pytest.FixtureRequest, path: Path) -> Path:
    """The path of the socket, with something else there."""
    if request.param == "file":
        path.write_text("not a socket")
    elif request.param == "folder":
        (path / "in it").mkdir(parents=True)
    else:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
    return path


async def test_what_lies_at_the_sockets_path_is_replaced(taken_path: Path) -> None:
    path = taken_path
    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send(STATE)
        await agent.until_reported()


async def test_the_silence_counts_from_the_last_report(path: Path) -> None:
    async with listening(path) as agent:
        assert agent.blender.silent_seconds == 0.0
        async with connected(path) as bridge:
            await bridge.send(STATE)
            await agent.until_reported()
            agent.now += 12.5
            assert agent.blender.silent_seconds == 12.5
        await until_so("the end is noticed", lambda: agent.blender.state == NO_BLENDER)
        assert agent.blender.silent_seconds == 0.0


async def test_a_blender_that_ends_is_no_longer_ready(path: Path) -> None:
    async with listening(path) as agent:
        async with connected(path) as bridge:
            await bridge.send(STATE)
            await agent.until_reported()
        await until_so("the end is noticed", lambda: agent.blender.state == NO_BLENDER)
        assert not agent.blender.state.ready


async def test_a_notice_of_the_bridge_is_shown(path: Path) -> None:
    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send({"type": "notice", "message": "It was recovered.", "seconds": 60})
        await until_so("it is shown", lambda: agent.notices == [("It was recovered.", 60.0)])


SCENE = Path("/home/blender/other.blend")


def ask(agent: Agent, kind: str, seconds: float) -> Awaitable[object]:
    """Ask Blender for a save or for another scene."""
    return agent.blender.save(seconds) if kind == "save" else agent.blender.open(SCENE, seconds)


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        ("save", {"file": "/home/blender/a.blend"}, "/home/blender/a.blend"),
        ("open", {"file": str(SCENE), "missing": ["a.png"], "missing_count": 4}, Opened(("a.png",), 4)),
    ],
)
async def test_a_request_is_answered(path: Path, kind: str, answer: dict[str, object], expected: object) -> None:
    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send(STATE)
        await agent.until_reported()
        request = asyncio.ensure_future(ask(agent, kind, DEADLINE_SECONDS))
        asked = await bridge.receive()
        assert (asked["type"], asked.get("file")) == (kind, str(SCENE) if kind == "open" else None)
        await bridge.send({"type": "begun", "id": asked["id"]}, {"type": "result", "id": asked["id"], **answer})
        assert await request == expected


async def test_two_saves_get_their_own_answers(path: Path) -> None:
    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send(STATE)
        await agent.until_reported()
        saves = [asyncio.ensure_future(agent.blender.save(DEADLINE_SECONDS)) for _ in range(2)]
        first, second = await bridge.receive(), await bridge.receive()
        assert first["id"] != second["id"]
        await bridge.send(
            {"type": "result", "id": second["id"], "file": "two"}, {"type": "result", "id": first["id"], "file": "one"}
        )
        assert await asyncio.gather(*saves) == ["one", "two"]


@pytest.mark.parametrize(
    ("kind", "failure", "status", "message"),
    [("save", SaveFailed, 507, "The volume is full."), ("open", OpenFailed, 409, "A render runs.")],
)
async def test_a_request_that_fails_has_blenders_reason(
    path: Path, kind: str, failure: type[SaveFailed | OpenFailed], status: int, message: str
) -> None:
    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send(STATE)
        await agent.until_reported()
        request = asyncio.ensure_future(ask(agent, kind, DEADLINE_SECONDS))
        asked = await bridge.receive()
        await bridge.send({"type": "result", "id": asked["id"], "status": status, "message": message})
        with pytest.raises(failure) as failed:
            await request
        assert (failed.value.status, str(failed.value)) == (status, message)


@pytest.mark.parametrize("kind", ["save", "open"])
async def test_a_request_that_blender_does_not_get_to_is_cancelled(path: Path, kind: str) -> None:
    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send(STATE)
        await agent.until_reported()
        with pytest.raises(Busy) as busy:
            await ask(agent, kind, 0)
        assert not busy.value.begun
        asked, cancelled = await bridge.receive(), await bridge.receive()
        assert cancelled == {"type": "cancel", "id": asked["id"]}
        # An answer that comes all the same changes nothing.
        await bridge.send({"type": "begun", "id": asked["id"]}, {"type": "result", "id": asked["id"], "file": "late"})
        await bridge.send(STATE | {"draws": 18})
        await agent.until_reported(draws=18)
        assert agent.blender._requests._waiting == {}


def ended_by(over: asyncio.Event) -> Callable[[float | None], AbstractAsyncContextManager[None]]:
    """Return a time-out that is over when an event is set."""

    @asynccontextmanager
    async def timeout(_seconds: float | None) -> AsyncIterator[None]:
        task = asyncio.current_task()
        assert task is not None
        ending = asyncio.ensure_future(over.wait())
        ending.add_done_callback(lambda _: task.cancel())
        try:
            yield
        except asyncio.CancelledError:
            raise TimeoutError from None

    return timeout


async def test_who_asks_again_waits_for_the_save_that_was_begun(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = asyncio.Event()

    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send(STATE)
        await agent.until_reported()
        with monkeypatch.context() as patched:
            patched.setattr("agent.bridge_requests.asyncio.timeout", ended_by(over))
            save = asyncio.ensure_future(agent.blender.save(50))
            await until_so("it is sent", lambda: bool(agent.blender._requests._waiting))
        asked = await bridge.receive()
        await bridge.send({"type": "begun", "id": asked["id"]})
        await until_so(
            "the beginning is known", lambda: any(each.is_begun for each in agent.blender._requests._waiting.values())
        )
        over.set()
        with pytest.raises(Busy) as busy:
            await save
        assert busy.value.begun
        again = asyncio.ensure_future(agent.blender.save(DEADLINE_SECONDS))
        await bridge.send({"type": "result", "id": asked["id"], "file": "a"})
        assert await again == "a"
        another = asyncio.ensure_future(agent.blender.save(DEADLINE_SECONDS))
        later = await bridge.receive()
        assert (later["type"], later["id"] > asked["id"]) == ("save", True), "the finished one serves nobody else"
        await bridge.send({"type": "result", "id": later["id"], "file": "b"})
        assert await another == "b"


async def test_without_blender_nothing_is_saved(path: Path) -> None:
    async with listening(path) as agent:
        with pytest.raises(Busy) as busy:
            await agent.blender.save(DEADLINE_SECONDS)
        assert not busy.value.begun


async def test_a_blender_that_ends_during_a_save_is_a_failure(path: Path) -> None:
    async with listening(path) as agent:
        async with connected(path) as bridge:
            await bridge.send(STATE)
            await agent.until_reported()
            save = asyncio.ensure_future(agent.blender.save(DEADLINE_SECONDS))
            await bridge.receive()
        with pytest.raises(SaveFailed, match="Blender ended before the scene was saved") as failed:
            await save
        assert failed.value.status == 500


async def test_the_newest_connection_counts(path: Path) -> None:
    async with listening(path) as agent, connected(path) as former:
        await former.send(STATE | {"pid": 1})
        await agent.until_reported(pid=1)
        async with connected(path) as newest:
            await newest.send(STATE | {"pid": 2})
            await agent.until_reported(pid=2)
            assert await former.is_closed()
            assert agent.blender.state.pid == 2
            save = asyncio.ensure_future(agent.blender.save(DEADLINE_SECONDS))
            asked = await newest.receive()
            await newest.send({"type": "result", "id": asked["id"], "file": "a"})
            assert await save == "a"


async def test_a_bridge_that_connects_again_is_heard(path: Path) -> None:
    async with listening(path) as agent:
        for draws in (1, 2, 3):
            async with connected(path) as bridge:
                await bridge.send(STATE | {"draws": draws})
                await agent.until_reported(draws=draws)


GARBAGE = [
    b"\n",
    b"{\n",
    b"\xff\xfe\n",
    b"null\n",
    b"[]\n",
    b"{}\n",
    b'"state"\n',
    b"[" * 100_000 + b"\n",
    b'{"type": "unknown"}\n',
    b'{"type": ["state"]}\n',
    b'{"type": "state", "pid": "x"}\n',
    b'{"type": "state", "pid": 1e999}\n',
    b'{"type": "state", "draws": []}\n',
    b'{"type": "begun", "id": {}}\n',
    b'{"type": "begun", "id": 999}\n',
    b'{"type": "begun", "id": Infinity}\n',
    b'{"type": "result", "id": null}\n',
    b'{"type": "result", "id": 999, "file": "x"}\n',
    b'{"type": "notice", "message": "x", "seconds": []}\n',
    b'{"type": "notice", "message": "x", "seconds": null}\n',
]


@pytest.mark.parametrize("line", GARBAGE)
async def test_a_line_of_garbage_is_passed_over(path: Path, line: bytes) -> None:
    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send_bytes(line)
        await bridge.send(STATE)
        await agent.until_reported()
        assert agent.notices == []
        assert agent.blender._requests._waiting == {}


async def test_a_line_that_is_too_long_ends_the_connection_and_nothing_else(path: Path) -> None:
    async with listening(path) as agent:
        async with connected(path) as bridge:
            bridge.writer.write(b"x" * (2 * MAX_LINE_BYTES + 2))
            assert await bridge.is_closed()
        async with connected(path) as again:
            await again.send(STATE)
            await agent.until_reported()


async def test_an_open_that_was_begun_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = asyncio.Event()

    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send(STATE)
        await agent.until_reported()
        with monkeypatch.context() as patched:
            patched.setattr("agent.bridge_requests.asyncio.timeout", ended_by(over))
            opening = asyncio.ensure_future(agent.blender.open(SCENE, 50))
            await until_so("it is sent", lambda: bool(agent.blender._requests._waiting))
        asked = await bridge.receive()
        await bridge.send({"type": "begun", "id": asked["id"]})
        await until_so("the beginning is known", lambda: agent.blender._requests._waiting[1].is_begun)
        over.set()
        await bridge.send({"type": "result", "id": asked["id"], "file": str(SCENE)})
        assert await opening == Opened()


async def test_a_blender_that_ends_does_not_open(path: Path) -> None:
    async with listening(path) as agent:
        with pytest.raises(BlenderEnded):
            await agent.blender.open(SCENE, DEADLINE_SECONDS)
        async with connected(path) as bridge:
            await bridge.send(STATE)
            await agent.until_reported()
            opening = asyncio.ensure_future(agent.blender.open(SCENE, DEADLINE_SECONDS))
            await bridge.receive()
        with pytest.raises(BlenderEnded):
            await opening


async def test_a_blender_has_started_once_it_is_ready(path: Path) -> None:
    async with listening(path) as agent:
        started = asyncio.ensure_future(agent.blender.started())
        async with connected(path) as bridge:
            await bridge.send(STATE | {"ready": False})
            await agent.until_reported(ready=False)
            assert not started.done()
            await bridge.send(STATE)
            await agent.until_reported()
            assert (await started).ready
        await until_so("the end is noticed", lambda: agent.blender.state == NO_BLENDER)
        again = asyncio.ensure_future(agent.blender.started())
        await asyncio.sleep(0)
        assert not again.done()
        again.cancel()


@pytest.mark.parametrize(
    ("reported", "expected"), [([4, 3, 32], (4, 3, 32)), ([4, 3], (0, 0, 0)), ("4.3", (0, 0, 0)), (None, (0, 0, 0))]
)
async def test_the_versions_are_blenders(path: Path, reported: object, expected: tuple[int, int, int]) -> None:
    async with listening(path) as agent, connected(path) as bridge:
        await bridge.send(STATE | {"version": "4.3.2", "file_version": reported})
        await agent.until_reported(version="4.3.2", file_version=expected)
