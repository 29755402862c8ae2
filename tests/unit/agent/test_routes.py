"""The agent answers as docs/interfaces.md says."""

from dataclasses import replace

import pytest

from agent.readiness import DRAWING, ON_SCREEN, STARTING, Readiness
from agent.routes import STUCK_SECONDS, Response, Snapshot, respond

TOKEN = "correct-horse-battery"
SNAPSHOT = Snapshot(
    ticked_at=100.0, readiness=ON_SCREEN, scene="shopping_cart.blend", dirty=True, draws=17, camera="Camera"
)


def ask(
    path: str,
    snapshot: Snapshot = SNAPSHOT,
    *,
    now: float = 100.1,
    authorization: str | None = None,
    token: str = TOKEN,
) -> Response:
    return respond(path, authorization, snapshot=snapshot, now=now, token=token)


def test_healthy_while_the_main_loop_turns() -> None:
    assert ask("/healthz", now=100.0 + STUCK_SECONDS - 0.1).status == 200


def test_unhealthy_when_the_main_loop_is_stuck() -> None:
    response = ask("/healthz", now=100.0 + STUCK_SECONDS)
    assert response.status == 503
    assert response.body == {"message": "Blender's main loop has not turned for 60 seconds."}


@pytest.mark.parametrize("readiness", [STARTING, DRAWING])
def test_not_ready_says_why(readiness: Readiness) -> None:
    response = ask("/readyz", replace(SNAPSHOT, readiness=readiness))
    assert response.status == 503
    assert response.body == {"ready": False, "reason": readiness.reason, "message": readiness.message}


def test_ready() -> None:
    response = ask("/readyz")
    assert response.status == 200
    assert response.body == {"ready": True, "reason": "SceneOnScreen", "message": "The scene is on screen."}


def test_status_tells_the_operator_everything() -> None:
    response = ask("/status", authorization=f"Bearer {TOKEN}")
    assert response.status == 200
    assert response.body == {
        "ready": True,
        "reason": "SceneOnScreen",
        "message": "The scene is on screen.",
        "scene": "shopping_cart.blend",
        "dirty": True,
        "draws": 17,
        "camera": "Camera",
    }


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc"])
def test_status_without_the_token_says_nothing_about_the_scene(authorization: str | None) -> None:
    response = ask("/status", authorization=authorization)
    assert response.status == 401
    assert response.headers == {"WWW-Authenticate": "Bearer"}
    assert "shopping_cart" not in str(response.body)


@pytest.mark.parametrize("path", ["/", "/statusx", "/status/..", "/healthz/", "//readyz"])
def test_other_paths_are_not_found(path: str) -> None:
    assert ask(path, authorization=f"Bearer {TOKEN}").status == 404


def test_a_query_makes_no_difference() -> None:
    assert ask("/readyz?verbose").status == 200
