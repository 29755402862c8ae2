"""Runs work on Blender's main thread on behalf of other threads, because bpy is not safe in them."""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Busy(Exception):  # noqa: N818 - the state of the main thread
    """The main thread did not finish the work in time.

    Args:
        begun: whether the work was begun. If not, it never will be.
    """

    def __init__(self, begun: bool) -> None:
        super().__init__("Blender's main thread is busy.")
        self.begun = begun


class MainThread(Generic[T]):
    """A queue for one kind of work, which a timer on the main thread drains.

    Args:
        work: the function that does the work.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._queue: SimpleQueue[Future[T]] = SimpleQueue()

    def ask(self, seconds: float) -> T:
        """Queue the work and wait for its result. Call it on any thread but the main thread.

        Args:
            seconds: the longest wait.

        Raises:
            Busy: the work did not end in time. Work that had not begun is dropped.
            Exception: whatever the work raised.
        """
        future: Future[T] = Future()
        self._queue.put(future)
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():
                return future.result()
            raise Busy(begun=not future.cancel()) from None
        except CancelledError:
            raise Busy(begun=False) from None

    def drain(self) -> None:
        """Do the queued work once and give the result to all waiting threads. Call it on the main thread."""
        waiting: list[Future[T]] = []
        while True:
            try:
                future = self._queue.get_nowait()
            except Empty:
                break
            if future.set_running_or_notify_cancel():
                waiting.append(future)
        if not waiting:
            return
        try:
            result = self._work()
        except Exception as error:
            for future in waiting:
                future.set_exception(error)
        else:
            for future in waiting:
                future.set_result(result)
