"""Clients that break off, say nothing, say nonsense or come all at once harm neither the agent nor Blender."""

from __future__ import annotations

import contextlib
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from image.container import AGENT_PORT
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from image.container import Container
    from image.desktops import RunDesktop

EACH = 1500
AT_ONCE = 1000
"""With six kinds of `EACH`, 10,000 connections."""
REQUEST = b"GET /status HTTP/1.1\r\nHost: desktop\r\n\r\n"


def close_early(client: socket.socket) -> None:
    client.sendall(REQUEST)


def reset(client: socket.socket) -> None:
    """Close with RST in place of FIN: SO_LINGER with a time of 0, as in socket(7)."""
    client.sendall(REQUEST)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say_nothing(_client: socket.socket) -> None:
    """Close a connection on which nothing was sent."""


def send_half_a_request(client: socket.socket) -> None:
    client.sendall(REQUEST[: len(REQUEST) // 2])


def send_garbage(client: socket.socket) -> None:
    client.sendall(bytes(range(256)) * 16)


def announce_a_large_body(client: socket.socket) -> None:
    client.sendall(b"POST /notice HTTP/1.1\r\nHost: desktop\r\nContent-Length: 99999999999\r\n\r\n{")


KINDS = [close_early, reset, say_nothing, send_half_a_request, send_garbage, announce_a_large_body]


@pytest.fixture(scope="module")
def busy_desktop(run_module_desktop: RunDesktop) -> Iterator[Container]:
    """A desktop whose Blender computes with Python's lock held, and is the same Blender afterwards."""
    container = run_module_desktop(scene="shopping_cart.blend")
    container.wait_ready()
    blender = container.pid("blender")
    with container.computing():
        yield container
    assert container.pid("blender") == blender
    assert container.blender("bpy.data.filepath") == "/home/blender/shopping_cart.blend"
    assert container.agent.post("/save").status_code == 200


def connect(container: Container) -> socket.socket:
    return socket.create_connection((container.address, AGENT_PORT), timeout=DEADLINE_SECONDS)


def assert_answers(container: Container) -> None:
    assert container.agent.get("/healthz").status_code == 200
    assert container.agent.get("/readyz").status_code == 200
    assert container.agent.get("/status").status_code == 200


@pytest.mark.parametrize("be_rude", KINDS, ids=lambda kind: kind.__name__)
def test_a_rude_client_harms_nobody(busy_desktop: Container, be_rude: Callable[[socket.socket], None]) -> None:
    blender = busy_desktop.pid("blender")

    def one(_number: int) -> None:
        # The agent may hang up first.
        with connect(busy_desktop) as client, contextlib.suppress(ConnectionError):
            be_rude(client)

    with ThreadPoolExecutor(32) as pool:
        rude = pool.map(one, range(EACH))
        assert_answers(busy_desktop)
        list(rude)
    assert_answers(busy_desktop)
    assert busy_desktop.pid("blender") == blender


def test_a_thousand_slow_clients_at_once_keep_nobody_waiting(busy_desktop: Container) -> None:
    blender = busy_desktop.pid("blender")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(busy_desktop)) for _ in range(AT_ONCE)]
        for position in range(8):
            for client in clients:
                with contextlib.suppress(ConnectionError):
                    client.sendall(REQUEST[position : position + 1])
            assert_answers(busy_desktop)
    assert_answers(busy_desktop)
    assert busy_desktop.pid("blender") == blender
