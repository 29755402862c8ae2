"""Work for the main thread is done once for all callers, and never after their time is over."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from agent.mainthread import Busy, MainThread
from waiting import DEADLINE_SECONDS, until


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def drained(thread: MainThread[str], asked: "Future[str]") -> Callable[[], bool]:
    def probe() -> bool:
        thread.drain()
        return asked.done()

    return probe


def test_the_result_goes_to_the_caller(pool: ThreadPoolExecutor) -> None:
    thread = MainThread(lambda: threading.current_thread().name)
    asked = pool.submit(thread.ask, DEADLINE_SECONDS)
    until("it is answered", drained(thread, asked))
    assert asked.result() == threading.current_thread().name


def test_a_failure_goes_to_the_caller(pool: ThreadPoolExecutor) -> None:
    def fail() -> str:
        raise KeyError("no")

    thread = MainThread(fail)
    asked = pool.submit(thread.ask, DEADLINE_SECONDS)
    until("it is answered", drained(thread, asked))
    with pytest.raises(KeyError):
        asked.result()


def test_callers_at_the_same_time_share_one_piece_of_work(pool: ThreadPoolExecutor) -> None:
    done: list[int] = []
    thread = MainThread(lambda: str(done.append(1)))
    asked = [pool.submit(thread.ask, DEADLINE_SECONDS) for _ in range(3)]
    until("all have asked", lambda: thread._queue.qsize() == 3)
    thread.drain()
    assert [each.result() for each in asked] == ["None"] * 3
    assert done == [1]


def test_work_that_no_caller_waits_for_is_not_done_later() -> None:
    done: list[int] = []
    thread = MainThread(lambda: str(done.append(1)))
    with pytest.raises(Busy) as busy:
        thread.ask(0.01)
    assert not busy.value.begun
    thread.drain()
    assert done == []


def test_work_that_outlasts_the_wait_has_its_own_error(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, release = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        return str(release.wait(DEADLINE_SECONDS))

    class Wait(Future[str]):
        """One whose time is over as soon as the work has begun."""

        def result(self, timeout: float | None = None) -> str:
            del timeout
            assert begun.wait(DEADLINE_SECONDS), "the work does not begin"
            raise TimeoutError

    monkeypatch.setattr("agent.mainthread.Future", Wait)
    thread = MainThread(work)
    asked = pool.submit(thread.ask, 0.5)
    until("it has asked", lambda: thread._queue.qsize() == 1)
    main = pool.submit(thread.drain)
    with pytest.raises(Busy) as busy:
        asked.result()
    assert busy.value.begun
    release.set()
    main.result()
