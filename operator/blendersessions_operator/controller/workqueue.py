"""A work queue as in client-go: a key is worked on by one worker at a time, and again if it was added meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from typing import TYPE_CHECKING, Generic, TypeVar

from blendersessions.clients.backoff import backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

logger = logging.getLogger(__name__)

SPARE_FRACTION = 0.25
"""The part of the workers that one tenant never holds, so that the next key of another tenant is taken at once."""

Key = TypeVar("Key", bound="Hashable")


class _Turns(Generic[Key]):
    """Keys that wait: those of one tenant in the order of their arrival, and the tenants by turns."""

    def __init__(self, tenant: Callable[[Key], Hashable]) -> None:
        self._tenant = tenant
        self._lines: dict[Hashable, deque[Key]] = {}
        """The lines of the tenants with keys that wait, the one whose turn it is first."""

    def append(self, key: Key) -> None:
        """Add a key at the end of its tenant's line. A tenant that had none comes after the others."""
        self._lines.setdefault(self._tenant(key), deque()).append(key)

    def pop(self, may: Callable[[Hashable], bool]) -> Key | None:
        """Return the first key of the tenant whose turn it is, of those that may; None if there is none."""
        for tenant, line in self._lines.items():
            if may(tenant):
                key = line.popleft()
                del self._lines[tenant]
                if line:
                    self._lines[tenant] = line
                return key
        return None

    def clear(self) -> None:
        """Forget all keys."""
        self._lines.clear()


class WorkQueue(Generic[Key]):
    """Hands keys to a number of workers: client-go's work queue, with a second queue for urgent keys.

    Tenants, which are namespaces, take turns. So the many keys of one tenant do not hold up the key of another.

    Args:
        workers: number of keys that are worked on at the same time.
        urgent: whether a key goes before the others; called when the key is added.
        tenant: whose key it is; by default all keys belong to one.
    """

    def __init__(
        self,
        workers: int,
        urgent: Callable[[Key], bool] = lambda _: False,
        tenant: Callable[[Key], Hashable] = lambda _: None,
    ) -> None:
        self._count = workers
        self._is_urgent = urgent
        self._tenant = tenant
        self._most_of_one = max(1, workers - int(workers * SPARE_FRACTION))
        self._held: Counter[Hashable] = Counter()
        """The number of workers that each tenant holds."""
        self._waiting = _Turns[Key](tenant)
        self._urgent = _Turns[Key](tenant)
        self._queued: dict[Key, bool] = {}
        """The keys that wait, and whether each is urgent. One that became urgent while it waited is in both queues."""
        self._active: set[Key] = set()
        self._again: set[Key] = set()
        """Keys that were added while they were worked on."""
        self._failures: dict[Key, int] = {}
        self._early: set[Key] = set()
        """Keys that were added before their retry was due. A failure of such an early try does not raise the delay."""
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._wake = asyncio.Semaphore(0)
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    def start(self, work: Callable[[Key], Awaitable[bool]]) -> None:
        """Start the workers. `work` returns whether the key is done; otherwise the key is tried again later."""
        self._tasks = [asyncio.create_task(self._serve(work), name=f"reconciler {n}") for n in range(self._count)]

    async def close(self, grace: float = 10.0) -> None:
        """Take no more keys. Running work may end within `grace` seconds, then it is cancelled."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()
        self._urgent.clear()
        self._queued.clear()
        for _ in self._tasks:
            self._wake.release()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, key: Key) -> None:
        """Add a key: the next free worker takes it. A key that waits already is not added twice.

        Urgent keys go before the others. After a restart a thousand running sessions wait to be reconciled, and a
        session that starts must not wait for them.
        """
        if self._closed:
            return
        if key in self._active:
            self._again.add(key)
            return
        urgent = self._is_urgent(key)
        if self._queued.get(key, False) or (key in self._queued and not urgent):
            return
        if self._drop_timer(key) and key in self._failures:
            self._early.add(key)
        self._queued[key] = urgent
        (self._urgent if urgent else self._waiting).append(key)
        self._wake.release()

    def add_after(self, key: Key, seconds: float) -> None:
        """Add a key after a delay, unless it is added before. Of two delayed additions only the earlier one counts."""
        if self._closed or key in self._queued:
            return
        loop = asyncio.get_running_loop()
        known = self._timers.get(key)
        if known is not None and known.when() <= loop.time() + seconds:
            return
        self._drop_timer(key)
        self._timers[key] = loop.call_later(seconds, self._due, key)

    def __len__(self) -> int:
        """Return the number of keys that wait for a worker."""
        return len(self._queued)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _drop_timer(self, key: Key) -> bool:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    async def _serve(self, work: Callable[[Key], Awaitable[bool]]) -> None:
        while True:
            await self._wake.acquire()
            if self._closed:
                return
            while (key := self._next()) is not None:
                await self._work_on(key, work)

    def _next(self) -> Key | None:
        """Take the next key; None if none waits, or only keys of tenants that hold all the workers they may."""
        for line in (self._urgent, self._waiting):
            while (key := line.pop(lambda tenant: self._held[tenant] < self._most_of_one)) is not None:
                if self._queued.pop(key, None) is not None:
                    return key
        return None

    async def _work_on(self, key: Key, work: Callable[[Key], Awaitable[bool]]) -> None:
        tenant = self._tenant(key)
        self._active.add(key)
        self._held[tenant] += 1
        done = False
        try:
            done = await work(key)
        except Exception:
            # A bug that one session triggers must not stop the others.
            logger.exception("Reconciling %s failed unexpectedly; it is tried again.", key)
        finally:
            self._active.discard(key)
            if self._held[tenant] == self._most_of_one:
                # This worker may take another tenant's key next, and one that rests the next key of this tenant.
                self._wake.release()
            self._held[tenant] -= 1
            if not self._held[tenant]:
                del self._held[tenant]
        self._settle(key, done=done)

    def _settle(self, key: Key, *, done: bool) -> None:
        again, early = key in self._again, key in self._early
        self._again.discard(key)
        self._early.discard(key)
        if done:
            self._failures.pop(key, None)
            if again:
                self.add(key)
            return
        self._failures[key] = self._failures.get(key, 0) + (not early)
        delay = backoff(self._failures[key])
        if again:
            # The change may repair the failure. A key that fails and changes all the time must not spin.
            delay = min(delay, backoff(1))
        logger.debug("%s is not done; it is tried again in %.1f s.", key, delay)
        self.add_after(key, delay)
