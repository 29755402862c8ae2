"""The agent answers as docs/interfaces.md says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from agent.blender import NO_BLENDER, BlenderState
from agent.bridge_requests import Busy
from agent.messages import Refused, Request, Response
from agent.notices import NotShown
from agent.routes import respond
from agent.scene_source import OPEN, SceneState
from agent.work import Work
from workspace.save_failure import SaveFailed

if TYPE_CHECKING:
    from agent.start_wait import StartWait

TOKEN = "correct-horse-battery"
BEARER = f"Bearer {TOKEN}"
FILE = "/home/blender/shopping_cart.blend"
STATE = BlenderState(7, True, "SceneOnScreen", "The scene is on screen.", FILE, True, 17, "Camera", version="4.3.2")
DRAWING = BlenderState(7, False, "SceneDrawing", "Blender is still drawing the scene for the first time.", FILE)


@dataclass
class FakeScene:
    state: SceneState = OPEN
    receives: bool = False


@dataclass
class FakeDesktop:
    state: BlenderState = STATE
    scene: FakeScene = field(default_factory=FakeScene)
    work: Work = field(default_factory=Work)
    failure: Exception | None = None
    saves: int = 0
    shown: list[tuple[str, float]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def start(self) -> StartWait:
        return self  # type: ignore[return-value]

    async def until_over(self, seconds: float) -> None:
        self.waits.append(seconds)
        if seconds:
            self.state = STATE

    def idle_seconds(self) -> float:
        return 12.5

    async def save(self) -> str:
        self.saves += 1
        if self.failure:
            raise self.failure
        return FILE

    async def open_sample(self, name: str) -> str:
        if self.failure:
            raise self.failure
        return f"/home/blender/{name}"

    async def show(self, message: str, seconds: float) -> None:
        if self.failure:
            raise self.failure
        self.shown.append((message, seconds))


@pytest.fixture
def desktop() -> FakeDesktop:
    return FakeDesktop()


async def get(path: str, desktop: FakeDesktop, *, authorization: str | None = None) -> Response:
    return await respond(Request("GET", path, authorization), desktop, TOKEN)


async def post(path: str, desktop: FakeDesktop, body: bytes = b"{}", authorization: str | None = BEARER) -> Response:
    return await respond(Request("POST", path, authorization, body), desktop, TOKEN)


RENDER = Work("Render", 720.0, "A render has run for 12 minutes.")
STUCK = Work("", 0.0, "Blender has not responded for 60 seconds, and its process does nothing.", stuck=True)


@pytest.mark.parametrize("work", [Work(), RENDER, STUCK])
@pytest.mark.parametrize("state", [STATE, DRAWING, NO_BLENDER])
async def test_healthy_while_the_agent_serves_whatever_blender_does(
    desktop: FakeDesktop, state: BlenderState, work: Work
) -> None:
    desktop.state, desktop.work = state, work
    assert (await get("/healthz", desktop)).status == 200


@pytest.mark.parametrize("state", [NO_BLENDER, DRAWING])
async def test_not_ready_has_a_reason(desktop: FakeDesktop, state: BlenderState) -> None:
    desktop.state = state
    response = await get("/readyz", desktop)
    assert response.status == 503
    assert response.body == {"ready": False, "reason": state.reason, "message": state.message}
    assert state.reason
    assert state.message


async def test_a_question_for_readiness_may_wait_for_the_start(desktop: FakeDesktop) -> None:
    desktop.state = DRAWING
    answer = await respond(Request("GET", "/readyz", raw_query="wait=4"), desktop, TOKEN)
    assert (answer.status, desktop.waits) == (200, [4.0])


@pytest.mark.parametrize("work", [Work(), RENDER, STUCK])
async def test_ready_while_the_scene_is_on_screen_even_if_blender_is_busy(desktop: FakeDesktop, work: Work) -> None:
    desktop.work = work
    response = await get("/readyz", desktop)
    assert response.status == 200
    assert response.body == {"ready": True, "reason": "SceneOnScreen", "message": "The scene is on screen."}


@pytest.mark.parametrize("work", [Work(), RENDER, STUCK])
async def test_status_has_everything_for_the_operator(desktop: FakeDesktop, work: Work) -> None:
    desktop.work = work
    response = await get("/status", desktop, authorization=BEARER)
    assert response.status == 200
    assert response.body == {
        "ready": True,
        "reason": "SceneOnScreen",
        "message": "The scene is on screen.",
        "file": FILE,
        "scene": "shopping_cart.blend",
        "dirty": True,
        "draws": 17,
        "camera": "Camera",
        "idle_seconds": 12.5,
        "work": work.kind,
        "work_seconds": work.seconds,
        "work_message": work.message,
        "stuck": work.stuck,
        "blender_version": "4.3.2",
        "scene_reason": "",
        "scene_message": "",
        "scene_needs": "",
    }


async def test_an_upload_of_a_scene_is_input(desktop: FakeDesktop) -> None:
    desktop.scene = FakeScene(SceneState("UploadTimedOut", "No scene was uploaded."), receives=True)
    assert (await get("/status", desktop, authorization=BEARER)).body["idle_seconds"] == 0


async def test_while_the_own_scene_is_not_open_nothing_is_ready_whatever_is_on_screen(desktop: FakeDesktop) -> None:
    desktop.scene.state = SceneState("SceneFetching", "https://x/cart.blend is being fetched: 12 of 40 MB.")
    ready, status = await get("/readyz", desktop), await get("/status", desktop, authorization=BEARER)
    assert ready.status == 503
    assert ready.body["reason"] == status.body["reason"] == status.body["scene_reason"] == "SceneFetching"
    assert status.body["ready"] is False
    assert status.body["message"] == status.body["scene_message"] == desktop.scene.state.message
    # Anybody may ask for it.
    assert "cart" not in str(ready.body["message"])


async def test_status_of_a_scene_that_was_never_saved(desktop: FakeDesktop) -> None:
    desktop.state = replace(STATE, file="")
    body = (await get("/status", desktop, authorization=BEARER)).body
    assert (body["file"], body["scene"]) == ("", "")


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc"])
async def test_without_the_token_nothing_is_revealed_or_done(desktop: FakeDesktop, authorization: str | None) -> None:
    answers = [
        await get("/status", desktop, authorization=authorization),
        await post("/save", desktop, authorization=authorization),
        await post("/notice", desktop, b'{"message": "x", "seconds": 1}', authorization=authorization),
    ]
    assert [answer.status for answer in answers] == [401] * 3
    assert answers[0].headers == {"WWW-Authenticate": "Bearer"}
    assert "shopping_cart" not in str(answers)
    assert (desktop.saves, desktop.shown) == (0, [])


async def test_a_save_answers_with_the_file(desktop: FakeDesktop) -> None:
    assert await post("/save", desktop) == Response(200, {"file": FILE})


@pytest.mark.parametrize("status", [500, 507])
async def test_a_save_that_failed_has_a_message(desktop: FakeDesktop, status: int) -> None:
    desktop.failure = SaveFailed(status, "no room")
    assert await post("/save", desktop) == Response(status, {"message": "no room"})


@pytest.mark.parametrize(("begun", "words"), [(True, "still being saved"), (False, "was not saved")])
async def test_a_save_that_takes_too_long_may_be_tried_again(desktop: FakeDesktop, begun: bool, words: str) -> None:
    desktop.failure = Busy(begun=begun)
    response = await post("/save", desktop)
    assert response.status == 503
    assert words in str(response.body["message"])


async def test_a_save_during_work_says_what_blender_does(desktop: FakeDesktop) -> None:
    desktop.failure, desktop.work = Busy(begun=False), RENDER
    expected = "A render has run for 12 minutes. The scene was not saved. Try again."
    assert await post("/save", desktop) == Response(503, {"message": expected})


async def test_a_save_accepts_no_path(desktop: FakeDesktop) -> None:
    assert (await post("/save", desktop, b'{"file": "/tmp/x.blend"}')).status == 400
    assert desktop.saves == 0


async def test_a_notice_is_shown_and_removed(desktop: FakeDesktop) -> None:
    assert await post("/notice", desktop, b'{"message": "It ends soon.", "seconds": 60}') == Response(200, {})
    assert await post("/notice", desktop, b'{"message": ""}') == Response(200, {})
    assert desktop.shown == [("It ends soon.", 60.0), ("", 0.0)]


async def test_an_invalid_notice_is_refused(desktop: FakeDesktop) -> None:
    assert (await post("/notice", desktop, b'{"message": "x"}')).status == 400
    assert desktop.shown == []


async def test_a_notice_that_is_not_shown_is_a_failure(desktop: FakeDesktop) -> None:
    desktop.failure = NotShown("no display")
    assert await post("/notice", desktop, b'{"message": "x", "seconds": 1}') == Response(500, {"message": "no display"})


@pytest.mark.parametrize(("path", "method"), [("/healthz", "GET"), ("/readyz", "GET"), ("/status", "GET")])
async def test_a_path_that_reads_refuses_post(desktop: FakeDesktop, path: str, method: str) -> None:
    response = await post(path, desktop)
    assert response.status == 405
    assert response.headers == {"Allow": method}


@pytest.mark.parametrize("path", ["/save", "/notice"])
async def test_a_path_that_acts_refuses_get(desktop: FakeDesktop, path: str) -> None:
    assert (await get(path, desktop, authorization=BEARER)).status == 405
    assert (desktop.saves, desktop.shown) == (0, [])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "X"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/status", "/save", "/notice"])
async def test_other_methods_are_refused(desktop: FakeDesktop, path: str, method: str) -> None:
    assert (await respond(Request(method, path, BEARER), desktop, TOKEN)).status == 405
    assert (desktop.saves, desktop.shown) == (0, [])


@pytest.mark.parametrize("path", ["/", "/statusx", "/status/..", "/healthz/", "//readyz", "/save/x"])
async def test_other_paths_are_not_found(desktop: FakeDesktop, path: str) -> None:
    assert (await get(path, desktop, authorization=BEARER)).status == 404


async def test_a_query_makes_no_difference(desktop: FakeDesktop) -> None:
    assert (await get("/readyz?verbose", desktop)).status == 200


async def test_a_sample_is_opened_by_its_name(desktop: FakeDesktop) -> None:
    answer = await post("/sample", desktop, b'{"name": "watering_can.blend"}')
    assert (answer.status, answer.body) == (200, {"file": "/home/blender/watering_can.blend"})
    assert (await post("/sample", desktop, b'{"name": "x.blend"}', authorization=None)).status == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"name": ""}', b'{"name": 7}', b'{"name": "x", "run": "y"}'])
async def test_a_sample_without_a_name_is_refused(desktop: FakeDesktop, body: bytes) -> None:
    assert (await post("/sample", desktop, body)).status == 400


async def test_why_a_sample_was_not_opened_is_told(desktop: FakeDesktop) -> None:
    desktop.failure = Refused(503, "watering_can.blend was not opened. Blender is busy.")
    answer = await post("/sample", desktop, b'{"name": "watering_can.blend"}')
    assert (answer.status, answer.body["message"]) == (503, "watering_can.blend was not opened. Blender is busy.")
