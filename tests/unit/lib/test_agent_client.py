"""The client of the agent beside Blender: what it reads, and which error each answer is."""

from __future__ import annotations

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

    async def handle(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer token"
        return web.json_response(self.answer, status=self.code)


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
    assert await client.status(ENDPOINT) == AgentStatus(3.5, "Bake", 720.0, "A bake has run for 12 minutes.", False)
    desktop.answer = WORKS | {"work": "", "stuck": True, "work_message": "Blender stands still."}
    stuck = await client.status(ENDPOINT)
    assert (stuck.work, stuck.stuck, stuck.work_message) == ("", True, "Blender stands still.")


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


async def test_a_saved_file_is_named(desktop: Desktop, client: AgentClient) -> None:
    desktop.answer = {"file": "/home/blender/cart.blend"}
    assert await client.save(ENDPOINT, 60.0) == "/home/blender/cart.blend"
