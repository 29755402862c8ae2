"""The agent's HTTP server, over a real socket."""

import threading
from collections.abc import Iterator

import pytest
import requests

from agent.routes import Response
from agent.server import serve


@pytest.fixture
def asked() -> list[tuple[str, str | None]]:
    return []


@pytest.fixture
def address(asked: list[tuple[str, str | None]]) -> Iterator[str]:
    def answer(path: str, authorization: str | None) -> Response:
        asked.append((path, authorization))
        return Response(503, {"reason": "SceneDrawing"}, {"X-Extra": "yes"})

    server = serve(answer, port=0, host="127.0.0.1")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_passes_the_request_on_and_the_answer_back(address: str, asked: list[tuple[str, str | None]]) -> None:
    response = requests.get(f"{address}/readyz?a=b", headers={"Authorization": "Bearer x"}, timeout=5)
    assert asked == [("/readyz?a=b", "Bearer x")]
    assert response.status_code == 503
    assert response.json() == {"reason": "SceneDrawing"}
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Extra"] == "yes"
    assert "Python" not in response.headers["Server"]


def test_other_methods_are_refused(address: str, asked: list[tuple[str, str | None]]) -> None:
    assert requests.post(f"{address}/status", timeout=5).status_code == 501
    assert asked == []


def test_a_request_that_waits_does_not_hold_up_another() -> None:
    release = threading.Event()

    def answer(path: str, _authorization: str | None) -> Response:
        if path == "/slow":
            release.wait(30)
        return Response(200, {})

    server = serve(answer, port=0, host="127.0.0.1")
    address = f"http://127.0.0.1:{server.server_port}"
    slow = threading.Thread(target=lambda: requests.get(f"{address}/slow", timeout=30))
    slow.start()
    assert requests.get(f"{address}/healthz", timeout=5).status_code == 200
    release.set()
    slow.join(30)
    assert not slow.is_alive()
    server.shutdown()
    server.server_close()
