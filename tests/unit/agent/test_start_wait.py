"""Whoever asks during a start whether the desktop is ready may wait for the answer, and hears it at once."""

from __future__ import annotations

import asyncio

import pytest

from agent.start_wait import LONGEST_WAIT_SECONDS, StartWait, wait_of
from waiting import DEADLINE_SECONDS


class Screen:
    """Whether the scene is on screen, and who waits for news of it."""

    def __init__(self) -> None:
        self.ready = False
        self.news = asyncio.Event()
        self.start = StartWait(lambda: self.ready, self.next_report)

    async def next_report(self) -> None:
        self.news.clear()
        await self.news.wait()


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("wait=4", 4.0),
        ("a=b&wait=4", 4.0),
        ("wait=9999999", LONGEST_WAIT_SECONDS),
        ("", 0.0),
        ("wait=", 0.0),
        ("wait=-1", 0.0),
        ("wait=1e9", 0.0),
        ("wait=nan", 0.0),
        ("wait=٣", 0.0),
        ("wait=1&wait=2", 2.0),
    ],
)
def test_how_long_a_client_waits(query: str, seconds: float) -> None:
    assert wait_of(query) == seconds


async def test_all_who_wait_hear_of_the_start_at_once() -> None:
    screen = Screen()
    waiting = [asyncio.create_task(screen.start.until_over(DEADLINE_SECONDS)) for _ in range(3)]
    await asyncio.sleep(0)
    screen.news.set()
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting), "a report of a scene that is not on screen"
    screen.ready = True
    screen.news.set()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await asyncio.gather(*waiting)


async def test_nobody_waits_longer_than_asked() -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        await Screen().start.until_over(0.01)


async def test_once_it_was_ready_nobody_waits() -> None:
    screen = Screen()
    screen.ready = True
    await screen.start.until_over(0)
    screen.ready = False
    async with asyncio.timeout(DEADLINE_SECONDS):
        await screen.start.until_over(2 * DEADLINE_SECONDS)
