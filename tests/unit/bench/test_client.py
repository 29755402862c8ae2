"""What the bench takes for Ready and gone, and how it bounds what is in flight."""

from __future__ import annotations

import asyncio

import pytest

from bench.client import Object, Seen, each, is_gone, is_ready


def event(kind: str, status: str) -> Object:
    return {"type": kind, "object": {"status": {"conditions": [{"type": "Ready", "status": status}]}}}


def test_ready_is_what_the_condition_says() -> None:
    assert is_ready(event("MODIFIED", "True"))
    assert not is_ready(event("MODIFIED", "False"))
    assert not is_ready({"type": "ADDED", "object": {}})


def test_gone_is_the_end_of_an_object() -> None:
    assert is_gone(event("DELETED", "True"))
    assert not is_gone(event("MODIFIED", "True"))


async def test_no_more_than_the_bound_is_in_flight_and_everything_is_done() -> None:
    running, most, done = 0, 0, []

    async def work(item: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(item)

    await each(range(20), work, in_flight=3)
    assert most == 3
    assert sorted(done) == list(range(20))


async def test_an_object_that_is_ready_twice_counts_once() -> None:
    seen = Seen(2)
    seen.add("one")
    seen.add("one")
    assert not seen.all.is_set()
    seen.add("two")
    assert await seen.wait() == max(seen.at.values())


async def test_a_deadline_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.client.DEADLINE", 0.01)
    seen = Seen(2)
    seen.add("one")
    with pytest.raises(TimeoutError, match="only 1 of 2"):
        await seen.wait()
