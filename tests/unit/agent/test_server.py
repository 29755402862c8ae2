"""The agent's HTTP server, over a real socket."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from agent.messages import LARGEST_BODY, Request, Response
from agent.server import serve
from waiting import DEADLINE_SECONDS


@contextmanager
def serving(answer: Callable[[Request], Response]) -> Iterator[str]:
    server = serve(answer, port=0, host="127.0.0.1")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def asked() -> list[Request]:
    return []


@pytest.fixture
def address(asked: list[Request]) -> Iterator[str]:
    def answer(request: Request) -> Response:
        asked.append(request)
        return Response(503, {"reason": "SceneDrawing"}, {"X-Extra": "yes"})

    with serving(answer) as address:
        yield address


def test_passes_the_request_on_and_the_answer_back(address: str, asked: list[Request]) -> None:
    response = requests.get(f"{address}/readyz?a=b", headers={"Authorization": "Bearer x"}, timeout=DEADLINE_SECONDS)
    assert asked == [Request("GET", "/readyz?a=b", "Bearer x")]
    assert response.status_code == 503
    assert response.json() == {"reason": "SceneDrawing"}
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Extra"] == "yes"
    assert "Python" not in response.headers["Server"]


def test_passes_a_body_on(address: str, asked: list[Request]) -> None:
    requests.post(f"{address}/notice", data=b"x" * LARGEST_BODY, timeout=DEADLINE_SECONDS)
    assert asked == [Request("POST", "/notice", None, b"x" * LARGEST_BODY)]


@pytest.mark.parametrize("length", [str(LARGEST_BODY + 1), "9" * 5000])
def test_a_larger_body_is_refused_unread(address: str, asked: list[Request], length: str) -> None:
    assert b" 413 " in exchange(address, f"POST /save HTTP/1.1\r\nContent-Length: {length}\r\n\r\n")
    assert asked == []


@pytest.mark.parametrize(
    "header", ["", "Content-Length: -1\r\n", "Content-Length: x\r\n", "Transfer-Encoding: chunked\r\n"]
)
def test_a_body_of_unknown_length_is_refused(address: str, asked: list[Request], header: str) -> None:
    assert b" 411 " in exchange(address, f"POST /save HTTP/1.1\r\n{header}\r\n")
    assert asked == []


def exchange(address: str, request: str) -> bytes:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(request.encode())
        return connection.recv(4096)


def test_other_methods_are_refused(address: str, asked: list[Request]) -> None:
    assert requests.put(f"{address}/status", timeout=DEADLINE_SECONDS).status_code == 501
    assert asked == []


def test_a_failure_in_the_agent_is_an_answer_without_details(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_request: Request) -> Response:
        raise KeyError("inner detail")

    with serving(fail) as address:
        response = requests.get(f"{address}/status", timeout=DEADLINE_SECONDS)
    assert response.status_code == 500
    assert "inner detail" not in response.text
    assert "inner detail" in capsys.readouterr().err


def test_a_request_that_waits_does_not_hold_up_another() -> None:
    begun, release = threading.Event(), threading.Event()

    def answer(request: Request) -> Response:
        if request.path == "/slow":
            begun.set()
            release.wait(DEADLINE_SECONDS)
        return Response(200, {})

    with serving(answer) as address:
        slow = threading.Thread(target=lambda: requests.get(f"{address}/slow", timeout=DEADLINE_SECONDS))
        slow.start()
        assert begun.wait(DEADLINE_SECONDS), "the slow request does not arrive"
        assert requests.get(f"{address}/healthz", timeout=DEADLINE_SECONDS).status_code == 200
        release.set()
        slow.join(DEADLINE_SECONDS)
        assert not slow.is_alive()
