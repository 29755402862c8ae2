"""The client of the agent beside Blender: what it reads, and which error each answer is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from blendersessions.clients import agent
from blendersessions.clients.agent import AgentClient, AgentEndpoint, AgentStatus
from blendersessions.model.errors import Busy, DomainError, Invalid, Unauthorised, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WORKS: dict[str, Any] = {
    "ready": True,
    "idle_seconds": 3.5,
    "work": "Bake",
    "work_seconds": 720.0,
    "work_message": "A bake has run for 12 minutes.",
    "stuck": False,
}


class Desktop:
    """An agent with one answer."""

    def __init__(self) -> None:
        self.code = 200
        self.answer: object = WORKS
        self.parts: tuple[bytes, ...] = ()
        """Sent in place of the answer, each when the client has read the one before."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer token"
        if not self.parts:
            return web.json_response(self.answer, status=self.code)
        response = web.StreamResponse(status=self.code)
        await response.prepare(request)
        for part in self.parts:
            await response.write(part)
            # One turn of the event loop, which the client shares: it has read the part by then.
            await asyncio.sleep(0)
        return response


@pytest.fixture
async def desktop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desktop]:
    made, app = Desktop(), web.Application()
    app.router.add_route("*", "/{path}", made.handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    monkeypatch.setattr(agent, "AGENT_PORT", server.port)
    yield made
    await server.close()


@pytest.fixture
async def client() -> AsyncIterator[AgentClient]:
    made = AgentClient()
    yield made
    await made.close()


ENDPOINT = AgentEndpoint("blender-1", "127.0.0.1", "token")


async def test_work_and_what_is_stuck_are_read(desktop: Desktop, client: AgentClient) -> None:
    assert await client.status(ENDPOINT) == AgentStatus(
        3.5, "Bake", 720.0, "A bake has run for 12 minutes.", False, True
    )
    desktop.answer = WORKS | {"work": "", "stuck": True, "work_message": "Blender stands still."}
    stuck = await client.status(ENDPOINT)
    assert (stuck.work, stuck.stuck, stuck.work_message) == ("", True, "Blender stands still.")


async def test_how_far_the_scene_is_and_which_blender_there_is_are_read(desktop: Desktop, client: AgentClient) -> None:
    scene = {"scene_reason": "SceneFetching", "scene_message": "12 of 40 MB.", "blender_version": "4.3.2"}
    desktop.answer = WORKS | scene | {"ready": False, "scene": "two.blend"}
    found = await client.status(ENDPOINT)
    assert (found.ready, found.scene, found.blender_version) == (False, "two.blend", "4.3.2")
    assert (found.scene_reason, found.scene_message) == ("SceneFetching", "12 of 40 MB.")


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("ready", "true", False),
        ("scene", 7, ""),
        ("scene", "a\nb\x1b[2J\u202e.blend", "a?b?[2J?.blend"),
        ("scene", "s" * 300, "s" * 255),
        ("blender_version", "4.3.2\n", ""),
        ("blender_version", "4", ""),
        ("blender_version", "4.3.2.1", ""),
        ("blender_version", ["4.3"], ""),
        ("blender_version", "\u0661.\u0662", ""),
        ("scene_needs", "5.0", "5.0"),
        ("scene_needs", "Blender 5.0", ""),
        ("scene_needs", 5.0, ""),
        ("scene_reason", None, ""),
        ("scene_reason", "R" * 300, "R" * 255),
        ("scene_message", {"a": "b"}, ""),
        ("scene_message", "m" * 600, "m" * 500),
        ("scene_message", "one\ntwo", "one?two"),
    ],
)
async def test_what_an_agent_says_of_its_scene_is_bounded_and_one_line(
    desktop: Desktop, client: AgentClient, field: str, value: object, read: object
) -> None:
    desktop.answer = WORKS | {field: value}
    assert getattr(await client.status(ENDPOINT), field) == read


@pytest.mark.parametrize("answer", [{"idle_seconds": 1.0}, {"work": ""}, WORKS | {"idle_seconds": "long"}, []])
async def test_an_answer_that_says_nothing_of_work_is_none(
    desktop: Desktop, client: AgentClient, answer: object
) -> None:
    desktop.answer = answer
    with pytest.raises(Unavailable, match="does not report whether somebody works"):
        await client.status(ENDPOINT)


@pytest.mark.parametrize(
    ("code", "error"), [(503, Busy), (404, Unavailable), (401, Unauthorised), (507, Invalid), (500, Invalid)]
)
async def test_why_a_desktop_does_not_save(
    desktop: Desktop, client: AgentClient, code: int, error: type[DomainError]
) -> None:
    desktop.code, desktop.answer = code, {"message": "A render runs."}
    with pytest.raises(error, match="A render runs") as raised:
        await client.save(ENDPOINT, 60.0)
    assert type(raised.value) is error


ABSURD: dict[str, bytes] = {
    "a time in words": b'{"work": "", "idle_seconds": "12"}',
    "no number": b'{"work": "", "idle_seconds": NaN}',
    "a negative time": b'{"work": "", "idle_seconds": -1}',
    "yes": b'{"work": "", "idle_seconds": true}',
    "a list of work": b'{"work": ["Render"], "idle_seconds": 1}',
    "a number without end": b'{"work": "", "idle_seconds": ' + b"9" * 5000 + b"}",
    "nested without end": b"[" * 60_000,
    "nested in a field": b'{"work": ' + b'{"a":' * 12_000,
    "more than is read": b'{"work": "' + b"x" * 70_000 + b'", "idle_seconds": 1}',
    "no text": b"\xff\xfe\x00",
    "nothing": b" ",
}


@pytest.mark.parametrize("name", ABSURD)
async def test_an_absurd_answer_is_no_answer(desktop: Desktop, client: AgentClient, name: str) -> None:
    desktop.parts = (ABSURD[name],)
    with pytest.raises(Unavailable, match="does not report whether somebody works"):
        await client.status(ENDPOINT)
    assert await client.save(ENDPOINT, 60.0) == ""


@pytest.mark.parametrize("idle", ["1e300", "1e9999", "9" * 400, "Infinity"])
async def test_a_time_beyond_all_measure_counts_as_a_year(desktop: Desktop, client: AgentClient, idle: str) -> None:
    desktop.parts = (f'{{"work": "Render", "idle_seconds": {idle}, "work_seconds": {idle}}}'.encode(),)
    found = await client.status(ENDPOINT)
    assert found.idle_seconds == found.work_seconds == 366 * 24 * 3600


async def test_text_that_is_no_text_never_reaches_a_status(desktop: Desktop, client: AgentClient) -> None:
    desktop.parts = (b'{"work": "\\ud800", "idle_seconds": 1, "work_message": "\\udfff' + b"x" * 9000 + b'"}',)
    found = await client.status(ENDPOINT)
    assert (found.work, found.work_message) == ("?", "?" + "x" * 499)
    desktop.code, desktop.parts = 507, (b'{"message": "The disk is full.\\ud800"}',)
    with pytest.raises(Invalid, match=r"The disk is full\.\?$"):
        await client.save(ENDPOINT, 60.0)


async def test_an_answer_in_parts_is_read_to_its_end(desktop: Desktop, client: AgentClient) -> None:
    desktop.parts = (b'{"work": "Bake",', b' "idle_seco', b'nds": 4}')
    assert await client.status(ENDPOINT) == AgentStatus(4.0, "Bake")


async def test_a_saved_file_is_named(desktop: Desktop, client: AgentClient) -> None:
    desktop.answer = {"file": "/home/blender/cart.blend"}
    assert await client.save(ENDPOINT, 60.0) == "/home/blender/cart.blend"
