"""Has work done on Blender's main thread for another thread: bpy is not safe anywhere else."""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Busy(Exception):  # noqa: N818 - a state, as the caller sees it
    """The main thread did not get to the work, or to its end, in time. `begun` tells which."""

    def __init__(self, begun: bool) -> None:
        super().__init__("Blender's main thread is busy.")
        self.begun = begun


class MainThread(Generic[T]):
    """A queue of work of one kind. Its owner's timer drains it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._queue: SimpleQueue[Future[T]] = SimpleQueue()

    def ask(self, seconds: float) -> T:
        """Have the work done and return its result, or raise its exception. For any other thread.

        Raises:
            Busy: not within that many seconds; what had not begun then never will.
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
        """Do what is waiting. One piece of work answers all who wait: they asked for the same. For the main thread."""
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
