"""The queue: one worker per key, coalescing, back-off, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients import backoff as delays
from blendersessions.clients.backoff import backoff
from blendersessions_operator.controller.workqueue import WorkQueue
from waiting import until_set

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Recorder:
    """Work that records its keys, and waits while a test holds the gate."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.active: list[str] = []
        self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self.changed = asyncio.Event()
        self.answers: dict[str, list[bool | Exception]] = {}

    async def __call__(self, key: str) -> bool:
        assert key not in self.active, "a key must not be worked on twice at once"
        self.active.append(key)
        self.most = max(self.most, len(self.active))
        self.began.set()
        self.changed.set()
        await self.gate.wait()
        self.active.remove(key)
        self.done.append(key)
        self.changed.set()
        answer = self.answers.get(key, []).pop(0) if self.answers.get(key) else True
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            self.changed.clear()
            await until_set(f"the work goes on; it is done with {self.done} and at {self.active}", self.changed)


@pytest.fixture
def work() -> Recorder:
    return Recorder()


async def test_each_key_is_processed(work: Recorder) -> None:
    queue = started(work, 4)
    for key in "abc":
        queue.add(key)
    await work.until(lambda: sorted(work.done) == ["a", "b", "c"])
    await queue.close()


async def test_no_more_keys_at_once_than_there_are_workers(work: Recorder) -> None:
    work.gate.clear()
    queue = started(work, 2)
    for number in range(10):
        queue.add(str(number))
    await work.until(lambda: len(work.active) == 2)
    work.gate.set()
    await work.until(lambda: len(work.done) == 10)
    assert work.most == 2
    await queue.close()


async def test_a_key_added_while_it_waits_is_processed_once(work: Recorder) -> None:
    queue = WorkQueue(1)
    for _ in range(5):
        queue.add("a")
    assert len(queue) == 1
    queue.start(work)
    queue.add("b")
    await work.until(lambda: "b" in work.done)
    assert work.done == ["a", "b"]
    await queue.close()


async def test_a_key_added_while_it_is_processed_is_processed_again(work: Recorder) -> None:
    queue = started(work, 4)
    work.gate.clear()
    queue.add("a")
    await until_set("the work begins", work.began)
    queue.add("a")
    queue.add("a")
    work.gate.set()
    await work.until(lambda: len(work.done) == 2)
    queue.add("b")
    await work.until(lambda: "b" in work.done)
    assert work.done == ["a", "a", "b"]
    await queue.close()


async def test_a_key_that_is_not_done_is_tried_again(work: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delays, "FIRST_DELAY_SECONDS", 0.001)
    queue = started(work, 1)
    work.answers["a"] = [False, False, True]
    queue.add("a")
    await work.until(lambda: len(work.done) == 3)
    await queue.close()


async def test_adding_a_key_makes_its_waiting_retry_come_at_once(
    work: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delays, "FIRST_DELAY_SECONDS", 3600.0)
    queue = started(work, 1)
    work.answers["a"] = [False]
    queue.add("a")
    await work.until(lambda: work.done == ["a"])
    queue.add("a")
    await work.until(lambda: work.done == ["a", "a"])
    await queue.close()


async def test_adding_a_key_does_not_delay_its_next_retry(work: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []

    def recorded(count: int) -> float:
        failures.append(count)
        return 3600.0

    monkeypatch.setattr("blendersessions_operator.controller.workqueue.backoff", recorded)
    queue = started(work, 1)
    work.answers["a"] = [False] * 4
    for tries in range(1, 5):
        queue.add("a")
        await work.until(lambda tries=tries: len(work.done) == tries)  # type: ignore[misc]
        await asyncio.sleep(0)
    assert failures == [1, 1, 1, 1], "a quota that is raised after a busy start must not be found half a minute later"
    await queue.close()


async def test_a_fault_in_one_key_is_logged_and_stops_nothing(
    work: Recorder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delays, "FIRST_DELAY_SECONDS", 0.001)
    queue = started(work, 1)
    work.answers["a"] = [RuntimeError("a fault of ours")]
    queue.add("a")
    queue.add("b")
    await work.until(lambda: work.done.count("a") == 2 and "b" in work.done)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "a fault of ours" in caplog.text
    await queue.close()


async def test_closing_lets_running_work_end_and_takes_no_more(work: Recorder) -> None:
    queue = started(work, 1)
    work.gate.clear()
    queue.add("a")
    queue.add("b")
    await until_set("the work begins", work.began)
    closing = asyncio.create_task(queue.close())
    await asyncio.sleep(0)
    queue.add("c")
    work.gate.set()
    await closing
    assert work.done == ["a"]


async def test_closing_cancels_work_that_does_not_end(work: Recorder) -> None:
    queue = started(work, 1)
    work.gate.clear()
    queue.add("a")
    await until_set("the work begins", work.began)
    await queue.close(grace=0.01)
    assert work.done == []


def test_the_delay_doubles_up_to_a_minute() -> None:
    for failures in range(1, 200):
        longest = min(60.0, 0.5 * 2 ** (failures - 1))
        assert longest * 0.8 <= backoff(failures) <= longest


def started(work: Callable[[str], Awaitable[bool]], workers: int) -> WorkQueue[str]:
    queue = WorkQueue(workers)
    queue.start(work)
    return queue


async def test_of_two_delayed_additions_the_earlier_one_counts(work: Recorder) -> None:
    queue = started(work, 1)
    queue.add_after("a", 3600)
    queue.add_after("a", 0.01)
    await work.until(lambda: work.done == ["a"])
    queue.add_after("b", 0.01)
    queue.add_after("b", 3600)
    await work.until(lambda: work.done == ["a", "b"])
    await queue.close()


async def test_urgent_keys_are_served_before_others(work: Recorder) -> None:
    queue = WorkQueue(1, lambda key: key.startswith("new"))
    for key in ("a", "b", "new", "newer"):
        queue.add(key)
    assert len(queue) == 4
    queue.start(work)
    await work.until(lambda: len(work.done) == 4)
    assert work.done == ["new", "newer", "a", "b"]
    queue.add_after("new", 0.01)
    await work.until(lambda: len(work.done) == 5)
    await queue.close()


async def test_a_waiting_key_that_becomes_urgent_moves_to_the_front_and_is_processed_once(work: Recorder) -> None:
    urgent: set[str] = set()
    queue = WorkQueue(1, urgent.__contains__)
    for key in ("a", "b", "c"):
        queue.add(key)
    urgent.add("c")
    queue.add("c")
    queue.add("c")
    assert len(queue) == 3
    queue.start(work)
    await work.until(lambda: len(work.done) == 3)
    assert work.done == ["c", "a", "b"]
    queue.add("d")
    await work.until(lambda: len(work.done) == 4)
    assert work.done == ["c", "a", "b", "d"]
    await queue.close()


def by_namespace(workers: int, urgent: Callable[[str], bool] = lambda _: False) -> WorkQueue[str]:
    """A queue whose keys look like `namespace/name`."""
    return WorkQueue(workers, urgent, lambda key: key.partition("/")[0])


async def test_the_keys_of_one_namespace_do_not_hold_up_that_of_another(work: Recorder) -> None:
    queue = by_namespace(1)
    for number in range(1000):
        queue.add(f"crowd/{number}")
    queue.add("quiet/one")
    queue.start(work)
    await work.until(lambda: len(work.done) == 1001)
    assert work.done[:2] == ["crowd/0", "quiet/one"]
    assert [key for key in work.done if key.startswith("crowd/")] == [f"crowd/{number}" for number in range(1000)]
    await queue.close()


async def test_namespaces_take_turns_among_urgent_keys_and_among_the_others(work: Recorder) -> None:
    queue = by_namespace(1, lambda key: "new" in key)
    for key in ("a/1", "a/2", "b/1", "a/new1", "a/new2", "a/new3", "b/new1", "c/new1", "b/2"):
        queue.add(key)
    queue.start(work)
    await work.until(lambda: len(work.done) == 9)
    assert work.done == ["a/new1", "b/new1", "c/new1", "a/new2", "a/new3", "a/1", "b/1", "a/2", "b/2"]
    await queue.close()


async def test_a_namespace_whose_work_does_not_end_leaves_workers_for_the_others(work: Recorder) -> None:
    work.gate.clear()
    queue = by_namespace(4)
    for number in range(10):
        queue.add(f"slow/{number}")
    queue.start(work)
    await work.until(lambda: len(work.active) == 3)
    queue.add("quiet/one")
    await work.until(lambda: "quiet/one" in work.active)
    assert [key.partition("/")[0] for key in work.active] == ["slow"] * 3 + ["quiet"]
    work.gate.set()
    await work.until(lambda: len(work.done) == 11)
    assert work.most == 4
    await queue.close()


async def test_a_worker_that_turns_to_another_namespace_leaves_its_place_to_one_that_rests(work: Recorder) -> None:
    work.gate.clear()
    queue = by_namespace(4)
    queue.start(work)
    for number in range(4):
        queue.add(f"slow/{number}")
    await work.until(lambda: len(work.active) == 3)
    queue.add("quiet/one")
    await work.until(lambda: len(work.active) == 4)
    for number in range(4):
        queue.add(f"third/{number}")
    work.gate.set()
    await work.until(lambda: len(work.done) == 9)
    await queue.close()
