"""Calls that share a request: each gets its own answer, and none gets an answer that was not given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.guacamole.batching import MAX_ITEMS_PER_REQUEST, Batched
from blendersessions.model.errors import Conflict, DomainError, System, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Server:
    """Answers in capitals; refuses what is in `taken`, and breaks at what is in `broken`."""

    def __init__(self, taken: Sequence[str] = (), broken: Sequence[str] = (), error: Exception | None = None) -> None:
        self.taken, self.broken, self.error = taken, broken, error
        self.sent: list[list[str]] = []

    async def together(self, items: Sequence[str]) -> list[str]:
        self.sent.append(list(items))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        if set(items) & {*self.taken, *self.broken}:
            raise Conflict("one of them is refused", System.GUACAMOLE)
        return [item.upper() for item in items]

    async def alone(self, item: str) -> str:
        self.sent.append([item])
        await asyncio.sleep(0)
        if item in self.taken:
            raise Conflict(f"{item} is taken", System.GUACAMOLE)
        if item in self.broken:
            raise Unavailable("away", System.GUACAMOLE)
        return item.upper()


async def outcomes(server: Server, items: Sequence[str]) -> list[object]:
    batched = Batched(server.together, server.alone)
    return list(await asyncio.gather(*(batched.add(item) for item in items), return_exceptions=True))


async def test_each_call_gets_its_own_answer() -> None:
    server, items = Server(), [f"item-{number}" for number in range(3 * MAX_ITEMS_PER_REQUEST)]
    assert await outcomes(server, items) == [item.upper() for item in items]
    assert [len(sent) for sent in server.sent] == [
        1,
        MAX_ITEMS_PER_REQUEST,
        MAX_ITEMS_PER_REQUEST,
        MAX_ITEMS_PER_REQUEST - 1,
    ]


async def test_a_refused_call_fails_alone() -> None:
    found = await outcomes(Server(taken=["c"]), "abcd")
    assert isinstance(found[2], Conflict)
    assert [found[0], found[1], found[3]] == ["A", "B", "D"]


async def test_without_an_answer_the_others_are_not_tried_one_by_one() -> None:
    server = Server(taken=["b"], broken=["c"])
    found = await outcomes(server, "abcde")
    assert found[0] == "A"
    assert [type(outcome) for outcome in found[1:]] == [Conflict, Unavailable, Unavailable, Unavailable]
    assert ["d"] not in server.sent


@pytest.mark.parametrize("error", [Unavailable("away", System.GUACAMOLE), ZeroDivisionError("a fault of ours")])
async def test_a_failed_request_is_no_success_for_any_call(error: Exception) -> None:
    server = Server(error=error)
    found = await outcomes(server, "abc")
    assert found[0] == "A", "the first one went alone"
    assert all(isinstance(outcome, (DomainError, ZeroDivisionError)) for outcome in found[1:])
