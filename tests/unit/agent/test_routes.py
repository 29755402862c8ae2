"""The agent answers as docs/interfaces.md says."""

from dataclasses import dataclass, field, replace

import pytest

from agent.mainthread import Busy
from agent.messages import Request, Response
from agent.notices import NotShown
from agent.readiness import DRAWING, ON_SCREEN, STARTING, Readiness
from agent.routes import STUCK_SECONDS, Snapshot, respond
from agent.save_failure import SaveFailed

TOKEN = "correct-horse-battery"
BEARER = f"Bearer {TOKEN}"
FILE = "/home/blender/shopping_cart.blend"
SNAPSHOT = Snapshot(ticked_at=100.0, readiness=ON_SCREEN, file=FILE, dirty=True, draws=17, camera="Camera")


@dataclass
class FakeDesktop:
    rendering: bool = False
    rendered_recently: bool = False
    failure: Exception | None = None
    saves: int = 0
    shown: list[tuple[str, float]] = field(default_factory=list)

    def idle_seconds(self) -> float:
        return 12.5

    def is_rendering(self) -> bool:
        return self.rendering

    def was_rendering_recently(self) -> bool:
        return self.rendered_recently

    def save(self) -> str:
        self.saves += 1
        if self.failure:
            raise self.failure
        return FILE

    def show(self, message: str, seconds: float) -> None:
        if self.failure:
            raise self.failure
        self.shown.append((message, seconds))


@pytest.fixture
def desktop() -> FakeDesktop:
    return FakeDesktop()


def get(
    path: str,
    desktop: FakeDesktop,
    snapshot: Snapshot = SNAPSHOT,
    *,
    now: float = 100.1,
    authorization: str | None = None,
) -> Response:
    return respond(Request("GET", path, authorization), desktop, snapshot=snapshot, now=now, token=TOKEN)


def post(path: str, desktop: FakeDesktop, body: bytes = b"{}", authorization: str | None = BEARER) -> Response:
    return respond(Request("POST", path, authorization, body), desktop, snapshot=SNAPSHOT, now=100.1, token=TOKEN)


def test_healthy_while_the_main_loop_runs(desktop: FakeDesktop) -> None:
    assert get("/healthz", desktop, now=100.0 + STUCK_SECONDS - 0.1).status == 200


def test_unhealthy_when_the_main_loop_is_stuck(desktop: FakeDesktop) -> None:
    response = get("/healthz", desktop, now=100.0 + STUCK_SECONDS)
    assert response.status == 503
    assert response.body == {"message": "Blender's main loop has not run for 60 seconds."}


def test_a_render_that_blocks_the_main_loop_is_no_reason_to_restart(desktop: FakeDesktop) -> None:
    desktop.rendering = True
    assert get("/healthz", desktop, now=100.0 + 10 * STUCK_SECONDS).status == 200
    desktop.rendering, desktop.rendered_recently = False, True
    assert get("/healthz", desktop, now=100.0 + 10 * STUCK_SECONDS).status == 503


@pytest.mark.parametrize("readiness", [STARTING, DRAWING])
def test_not_ready_has_a_reason(desktop: FakeDesktop, readiness: Readiness) -> None:
    response = get("/readyz", desktop, replace(SNAPSHOT, readiness=readiness))
    assert response.status == 503
    assert response.body == {"ready": False, "reason": readiness.reason, "message": readiness.message}


def test_ready(desktop: FakeDesktop) -> None:
    response = get("/readyz", desktop)
    assert response.status == 200
    assert response.body == {"ready": True, "reason": "SceneOnScreen", "message": "The scene is on screen."}


def test_status_has_everything_for_the_operator(desktop: FakeDesktop) -> None:
    desktop.rendered_recently = True
    response = get("/status", desktop, authorization=BEARER)
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
        "rendering": True,
    }


def test_status_of_a_scene_that_was_never_saved(desktop: FakeDesktop) -> None:
    body = get("/status", desktop, replace(SNAPSHOT, file=""), authorization=BEARER).body
    assert (body["file"], body["scene"]) == ("", "")


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc"])
def test_without_the_token_nothing_is_revealed_or_done(desktop: FakeDesktop, authorization: str | None) -> None:
    answers = [
        get("/status", desktop, authorization=authorization),
        post("/save", desktop, authorization=authorization),
        post("/notice", desktop, b'{"message": "x", "seconds": 1}', authorization=authorization),
    ]
    assert [answer.status for answer in answers] == [401] * 3
    assert answers[0].headers == {"WWW-Authenticate": "Bearer"}
    assert "shopping_cart" not in str(answers)
    assert (desktop.saves, desktop.shown) == (0, [])


def test_a_save_answers_with_the_file(desktop: FakeDesktop) -> None:
    assert post("/save", desktop) == Response(200, {"file": FILE})


@pytest.mark.parametrize("status", [500, 507])
def test_a_save_that_failed_has_a_message(desktop: FakeDesktop, status: int) -> None:
    desktop.failure = SaveFailed(status, "no room")
    assert post("/save", desktop) == Response(status, {"message": "no room"})


@pytest.mark.parametrize(("begun", "words"), [(True, "still being saved"), (False, "has not saved")])
def test_a_save_that_takes_too_long_may_be_tried_again(desktop: FakeDesktop, begun: bool, words: str) -> None:
    desktop.failure = Busy(begun=begun)
    response = post("/save", desktop)
    assert response.status == 503
    assert words in str(response.body["message"])


def test_a_save_accepts_no_path(desktop: FakeDesktop) -> None:
    assert post("/save", desktop, b'{"file": "/tmp/x.blend"}').status == 400
    assert desktop.saves == 0


def test_a_notice_is_shown_and_removed(desktop: FakeDesktop) -> None:
    assert post("/notice", desktop, b'{"message": "It ends soon.", "seconds": 60}') == Response(200, {})
    assert post("/notice", desktop, b'{"message": ""}') == Response(200, {})
    assert desktop.shown == [("It ends soon.", 60.0), ("", 0.0)]


def test_an_invalid_notice_is_refused(desktop: FakeDesktop) -> None:
    assert post("/notice", desktop, b'{"message": "x"}').status == 400
    assert desktop.shown == []


def test_a_notice_that_is_not_shown_is_a_failure(desktop: FakeDesktop) -> None:
    desktop.failure = NotShown("no display")
    assert post("/notice", desktop, b'{"message": "x", "seconds": 1}') == Response(500, {"message": "no display"})


@pytest.mark.parametrize(("path", "method"), [("/healthz", "GET"), ("/readyz", "GET"), ("/status", "GET")])
def test_a_path_that_reads_refuses_post(desktop: FakeDesktop, path: str, method: str) -> None:
    response = post(path, desktop)
    assert response.status == 405
    assert response.headers == {"Allow": method}


@pytest.mark.parametrize("path", ["/save", "/notice"])
def test_a_path_that_acts_refuses_get(desktop: FakeDesktop, path: str) -> None:
    assert get(path, desktop, authorization=BEARER).status == 405
    assert (desktop.saves, desktop.shown) == (0, [])


@pytest.mark.parametrize("path", ["/", "/statusx", "/status/..", "/healthz/", "//readyz", "/save/x"])
def test_other_paths_are_not_found(desktop: FakeDesktop, path: str) -> None:
    assert get(path, desktop, authorization=BEARER).status == 404


def test_a_query_makes_no_difference(desktop: FakeDesktop) -> None:
    assert get("/readyz?verbose", desktop).status == 200
