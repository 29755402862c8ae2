"""The agent's HTTP server, over real sockets: every client gets an answer, and none holds up another."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from agent.messages import LARGEST_BODY, BrokenOff, Request, Response, Streamed
from agent.server import REQUEST_SECONDS, serve
from unit.agent.bridge_end import until_so
from waiting import DEADLINE_SECONDS, until_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

Answer = Callable[[Request], Awaitable[Response | Streamed]]
HOST = "127.0.0.1"


@asynccontextmanager
async def serving(answer: Answer, request_seconds: float = REQUEST_SECONDS) -> AsyncIterator[int]:
    server = await serve(answer, port=0, host=HOST, request_seconds=request_seconds)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        # The event loop learns in its next turns which connections the clients have closed.
        for _ in range(20):
            await asyncio.sleep(0)


@dataclass
class Recorder:
    """Answers each request in the same way, and keeps it."""

    asked: list[Request]

    async def __call__(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(503, {"reason": "SceneDrawing"}, {"X-Extra": "yes"})


@pytest.fixture
def recorder() -> Recorder:
    return Recorder([])


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def exchange(port: int, request: bytes | str) -> bytes:
    """Send a request and return everything until the server closes the connection."""
    async with connected(port) as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
        writer.write(request if isinstance(request, bytes) else request.encode())
        return await read_all(reader)


async def first_line(port: int, request: str) -> bytes:
    """Send a request and return the first line of the answer. The server still waits for a body that it has refused."""
    async with connected(port) as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
        writer.write(request.encode())
        return await reader.readline()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while chunk := await reader.read(65536):
            received += chunk
    except ConnectionError:
        return received
    return received


def get(path: str, *headers: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: agent", *headers, "", ""])


def post(path: str, *headers: str, body: str = "") -> str:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: agent", *headers, "", body])


async def test_passes_the_request_on_and_the_answer_back(recorder: Recorder) -> None:
    async with serving(recorder) as port:
        answer = await exchange(port, get("/readyz?a=b", "Authorization: Bearer x"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert [request.path.partition("?")[0] for request in recorder.asked] == ["/readyz"]
    assert recorder.asked[0].authorization == "Bearer x"
    assert head.startswith(b"HTTP/1.1 503 ")
    assert json.loads(body) == {"reason": "SceneDrawing"}
    assert b"\r\nContent-Type: application/json" in head
    assert b"\r\nX-Extra: yes" in head
    assert b"\r\nConnection: close" in head
    assert b"Python" not in head


async def test_passes_a_body_on(recorder: Recorder) -> None:
    body = "x" * LARGEST_BODY
    async with serving(recorder) as port:
        await exchange(port, post("/notice", f"Content-Length: {LARGEST_BODY}", body=body))
    assert [(each.method, each.path, each.body, each.content) for each in recorder.asked] == [
        ("POST", "/notice", body.encode(), None)
    ]


async def test_a_larger_body_is_refused_unread(recorder: Recorder) -> None:
    async with serving(recorder) as port:
        assert b" 413 " in await first_line(port, post("/save", f"Content-Length: {LARGEST_BODY + 1}"))
    assert recorder.asked == []


@pytest.mark.parametrize("headers", [(), ("Transfer-Encoding: chunked",)])
async def test_a_body_of_unknown_length_is_refused(recorder: Recorder, headers: tuple[str, ...]) -> None:
    async with serving(recorder) as port:
        assert b" 411 " in await exchange(port, post("/save", *headers, body="0\r\n\r\n" if headers else ""))
    assert recorder.asked == []


GARBAGE = [
    post("/save", "Content-Length: -1"),
    post("/save", "Content-Length: x"),
    post("/save", "Content-Length: " + "9" * 5000),
    "garbage\r\n\r\n",
    "GET\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    get("/status", "a header without a colon"),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"\x00" * 100 + b"\r\n\r\n",
    get("/" + "x" * 100_000),
    get("/", "X: " + "x" * 100_000),
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


@pytest.mark.parametrize("request_", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_answered_with_400_and_says_nothing_in_the_log(
    recorder: Recorder, request_: bytes | str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(recorder) as port:
        answer = await exchange(port, request_)
        assert b" 400 " in answer.partition(b"\r\n")[0]
        assert recorder.asked == []
        assert b" 503 " in await exchange(port, get("/healthz"))
    assert capfd.readouterr().err == ""


async def test_other_methods_reach_the_routes(recorder: Recorder) -> None:
    async with serving(recorder) as port:
        await exchange(port, "PUT /status HTTP/1.1\r\nHost: agent\r\nContent-Length: 1\r\n\r\nx")
    assert [(request.method, request.body) for request in recorder.asked] == [("PUT", b"")]


async def test_a_failure_in_the_agent_is_an_answer_without_details(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(_request: Request) -> Response:
        raise KeyError("inner detail")

    async with serving(fail) as port:
        answer = await exchange(port, get("/status"))
    assert b" 500 " in answer
    assert b"inner detail" not in answer
    assert "inner detail" in capsys.readouterr().err


async def test_a_name_with_bytes_that_are_no_text_is_valid_json() -> None:
    async def answer(_request: Request) -> Response:
        return Response(200, {"file": "/home/blender/\udcff\ud800\u00fc.blend"})

    async with serving(answer) as port:
        body = (await exchange(port, get("/status"))).partition(b"\r\n\r\n")[2]
    assert json.loads(body.decode()) == {"file": "/home/blender/??\u00fc.blend"}
    assert b"\\ud" not in body


@dataclass
class Failing:
    """Answers with a piece, and then fails."""

    error: Exception
    length: int | None
    closed: bool = False

    async def __call__(self, _request: Request) -> Streamed:
        return Streamed(200, {"X-Extra": "yes"}, self.length, self.blocks(), self.close)

    async def blocks(self) -> AsyncIterator[bytes]:
        yield b"piece"
        raise self.error

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("length", [None, 10])
@pytest.mark.parametrize("error", [BrokenOff("The file changed."), KeyError("inner detail"), OSError("inner detail")])
async def test_an_answer_that_fails_in_the_middle_is_never_taken_for_the_whole(
    error: Exception, length: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = Failing(error, length)
    async with serving(failing) as port:
        answer = await exchange(port, get("/files/a"))
        await until_so("the answer gives back what it holds", lambda: failing.closed)
    assert b"inner detail" not in answer
    # Neither the last chunk nor all the bytes that were announced.
    assert not answer.endswith(b"0\r\n\r\n")
    assert not answer.partition(b"\r\n\r\n")[2][10:]
    printed = capsys.readouterr().err
    assert str(error) in printed
    assert ("Traceback" in printed) is not isinstance(error, BrokenOff)


async def test_a_request_that_waits_does_not_hold_up_another() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def answer(request: Request) -> Response:
        if request.path == "/slow":
            begun.set()
            await release.wait()
        return Response(200, {})

    async with serving(answer) as port:
        slow = asyncio.ensure_future(exchange(port, get("/slow")))
        await until_set("the slow request arrives", begun)
        assert b" 200 " in await exchange(port, get("/healthz"))
        release.set()
        assert b" 200 " in await slow


async def test_a_connection_carries_one_request(recorder: Recorder) -> None:
    async with serving(recorder) as port:
        answers = await exchange(port, get("/one") + get("/two"))
    assert answers.count(b"HTTP/1.1 503") == 1
    assert [request.path for request in recorder.asked] == ["/one"]


@pytest.mark.parametrize("sent", ["", "GET /rea", get("/readyz")[:-2]])
async def test_a_client_that_falls_silent_is_let_go(recorder: Recorder, sent: str) -> None:
    async with serving(recorder, request_seconds=0.01) as port:
        assert await exchange(port, sent) == b""
    assert recorder.asked == []


async def test_a_body_that_does_not_come_is_answered(recorder: Recorder) -> None:
    async with serving(recorder, request_seconds=0.5) as port:
        assert b" 408 " in await first_line(port, post("/save", "Content-Length: 10", body="{"))
    assert recorder.asked == []


async def test_an_answer_may_take_longer_than_the_request() -> None:
    closed = asyncio.Event()

    async def answer(_request: Request) -> Response:
        await closed.wait()
        return Response(200, {})

    async with serving(answer, request_seconds=0.5) as port, connected(port) as (reader, writer):
        writer.write(get("/save").encode())
        # By now the silent connection, which came later, is let go.
        assert await exchange(port, "") == b""
        closed.set()
        assert b" 200 " in await read_all(reader)


@pytest.fixture
def many_files() -> Iterator[int]:
    """As many open files as a thousand connections need, at both ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_thousand_open_connections_do_not_keep_anybody_out(many_files: int, recorder: Recorder) -> None:
    async with serving(recorder, request_seconds=DEADLINE_SECONDS) as port:
        writers = [(await asyncio.open_connection(HOST, port))[1] for _ in range(many_files)]
        try:
            assert b" 503 " in await exchange(port, get("/healthz"))
        finally:
            for writer in writers:
                writer.close()
            await asyncio.gather(*(writer.wait_closed() for writer in writers))
