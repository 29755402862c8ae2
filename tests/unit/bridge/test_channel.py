"""The bridge's end of the socket never waits, whatever the agent does, and loses no answer while the agent is away."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from bridge.channel import MAX_QUEUED, Channel
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.sock"


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """The agent's socket, as a new agent makes it."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        yield listener


@contextmanager
def accepted(listener: socket.socket) -> Iterator[socket.socket]:
    connection, _ = listener.accept()
    connection.settimeout(DEADLINE_SECONDS)
    with connection:
        yield connection


def received(connection: socket.socket, lines: int) -> list[dict[str, object]]:
    """Read this many messages."""
    text = b""
    while text.count(b"\n") < lines:
        chunk = connection.recv(65536)
        assert chunk, text
        text += chunk
    return [json.loads(line) for line in text.splitlines()]


def rest(connection: socket.socket) -> bytes:
    """Read what is left until the other end closes."""
    text = b""
    while chunk := connection.recv(65536):
        text += chunk
    return text


def close(channel: Channel) -> None:
    channel._disconnect()


def test_messages_go_both_ways(path: Path) -> None:
    channel = Channel(path)
    with listening(path) as listener:
        channel.send({"type": "notice", "message": "Grüße"})
        assert channel.exchange() == []
        with accepted(listener) as connection:
            assert received(connection, 1) == [{"type": "notice", "message": "Grüße"}]
            connection.sendall(b'{"type": "save", "id": 1}\n{"type": "cancel", "id": 1}\n')
            assert channel.exchange() == [{"type": "save", "id": 1}, {"type": "cancel", "id": 1}]
            assert channel.exchange() == []
        close(channel)


def test_a_line_that_comes_in_parts_is_one_message(path: Path) -> None:
    channel = Channel(path)
    with listening(path) as listener:
        channel.exchange()
        with accepted(listener) as connection:
            connection.sendall(b'{"type": "sa')
            assert channel.exchange() == []
            connection.sendall(b've"}\n')
            assert channel.exchange() == [{"type": "save"}]
        close(channel)


def test_the_newest_state_goes_before_the_answers(path: Path) -> None:
    channel = Channel(path)
    channel.send({"type": "result", "id": 1})
    channel.report({"draws": 1})
    channel.report({"draws": 2})
    with listening(path) as listener:
        channel.exchange()
        with accepted(listener) as connection:
            assert received(connection, 2) == [{"draws": 2}, {"type": "result", "id": 1}]
            close(channel)
            assert rest(connection) == b""


def test_an_agent_that_is_not_there_is_no_obstacle(path: Path) -> None:
    channel = Channel(path)
    for number in range(10):
        channel.send({"id": number})
        assert channel.exchange() == []


@pytest.mark.parametrize("what", ["file", "folder", "a socket that nobody listens on"])
def test_something_else_at_the_sockets_path_is_no_obstacle(path: Path, what: str) -> None:
    if what == "file":
        path.touch()
    elif what == "folder":
        path.mkdir()
    else:
        with listening(path):
            pass
    assert Channel(path).exchange() == []


def test_an_agent_that_comes_later_gets_what_was_queued(path: Path) -> None:
    channel = Channel(path)
    channel.send({"id": 1})
    channel.exchange()
    with listening(path) as listener:
        channel.send({"id": 2})
        channel.exchange()
        with accepted(listener) as connection:
            assert received(connection, 2) == [{"id": 1}, {"id": 2}]
        close(channel)


def test_the_queue_for_an_absent_agent_is_bounded(path: Path) -> None:
    channel = Channel(path)
    for number in range(3 * MAX_QUEUED):
        channel.send({"id": number})
        channel.exchange()
    with listening(path) as listener:
        channel.exchange()
        with accepted(listener) as connection:
            found = received(connection, MAX_QUEUED)
            assert [message["id"] for message in found] == list(range(2 * MAX_QUEUED, 3 * MAX_QUEUED))
        close(channel)


def test_an_agent_that_does_not_read_holds_nothing_up(path: Path) -> None:
    channel = Channel(path)
    text = "x" * 100_000
    with listening(path) as listener:
        # More than any socket buffer takes. If one call waited, the test would never end.
        for number in range(200):
            channel.report({"state": number})
            channel.send({"id": number, "text": text})
            channel.exchange()
        with accepted(listener) as connection:
            connection.settimeout(0)
            seen, tail = [], b""
            while not seen or seen[-1].get("id") != 199:
                try:
                    tail += connection.recv(1 << 20)
                except BlockingIOError:
                    channel.exchange()
                *lines, tail = tail.split(b"\n")
                seen += [json.loads(line) for line in lines]
        close(channel)
    # No line is torn. The newest state and answers are there.
    assert {"state": 199} in seen
    answers = [message["id"] for message in seen if "id" in message]
    assert answers == sorted(answers)
    assert set(range(100, 200)) <= set(answers)


def test_an_agent_that_is_gone_is_found_again(path: Path) -> None:
    channel = Channel(path)
    for number in (1, 2, 3):
        with listening(path) as listener:
            channel.send({"id": number})
            channel.exchange()
            with accepted(listener) as connection:
                assert received(connection, 1) == [{"id": number}]
        # This agent has ended. The channel learns it here, or by its next message.
        assert channel.exchange() == []
    close(channel)


def test_writing_to_an_agent_that_is_gone_does_not_end_blender(path: Path) -> None:
    former = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        channel = Channel(path)
        with listening(path) as listener:
            channel.exchange()
            with accepted(listener):
                pass
        for number in range(3):
            channel.send({"id": number})
            assert channel.exchange() == []
        close(channel)
    finally:
        signal.signal(signal.SIGPIPE, former)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'"save"', b"1" * 10_000], ids=range(8)
)
def test_a_line_of_garbage_is_passed_over(path: Path, line: bytes) -> None:
    channel = Channel(path)
    with listening(path) as listener:
        channel.exchange()
        with accepted(listener) as connection:
            connection.sendall(line + b'\n{"type": "save"}\n')
            assert channel.exchange() == [{"type": "save"}]
        close(channel)


def test_a_line_that_never_ends_ends_the_connection(path: Path) -> None:
    channel = Channel(path)
    with listening(path) as listener:
        channel.exchange()
        with accepted(listener) as connection:
            connection.settimeout(0)
            ended = False
            while not ended:
                try:
                    connection.send(b"x" * 65536)
                except BlockingIOError:
                    assert channel.exchange() == []
                except (BrokenPipeError, ConnectionResetError):
                    ended = True
        channel.send({"id": 1})
        channel.exchange()
        with accepted(listener) as connection:
            assert received(connection, 1) == [{"id": 1}]
        close(channel)
