"""What listens in a pod listens on IPv4 and on IPv6: a cluster has one of them, or both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from agent.messages import Request, Response
from agent.server import serve
from blendersessions_operator.handlers.event_loop import ALL_ADDRESSES, EventLoop
from blendersessions_operator.metrics import Metrics
from ports import HeldPort

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

FAMILIES = ["127.0.0.1", "::1"] if socket.has_dualstack_ipv6() else ["127.0.0.1"]


@pytest.fixture
def port() -> Iterator[int]:
    with HeldPort() as held:
        yield held.number


def reached(port: int) -> list[str]:
    """The loopback addresses at which something listens."""
    found = []
    for address in FAMILIES:
        with contextlib.suppress(OSError), socket.create_connection((address, port)):
            found.append(address)
    return found


def listening(loop: asyncio.AbstractEventLoop, start: Callable[[], Awaitable[asyncio.Server]], port: int) -> list[str]:
    with contextlib.closing(loop):
        server = loop.run_until_complete(start())  # type: ignore[arg-type]
        addresses = reached(port)
        server.close()
        loop.run_until_complete(server.wait_closed())
    return addresses


def test_the_operators_health(port: int) -> None:
    loop = EventLoop()
    start = lambda: loop.create_server(asyncio.Protocol, ALL_ADDRESSES, port, reuse_address=True)  # noqa: E731
    assert listening(loop, start, port) == FAMILIES


def test_the_operators_metrics(port: int) -> None:
    metrics = Metrics()
    metrics.serve(port)
    assert reached(port) == FAMILIES
    metrics.close()


def test_the_agent_of_a_desktop(port: int) -> None:
    async def answer(_: Request) -> Response:
        return Response(200, {})

    loop = asyncio.new_event_loop()
    assert listening(loop, lambda: serve(answer, port), port) == FAMILIES
