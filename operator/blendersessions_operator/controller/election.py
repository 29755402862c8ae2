"""One process's part in the leader election: its client, its identity, its thread, and what it may do."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar
from uuid import uuid4

from blendersessions.clients.kubernetes.client import connect
from blendersessions_operator.controller.leader_election import LeaderElector, Leadership, LeaseTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from blendersessions.clients.instrumentation import RequestHook
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions_operator.settings import Settings

Answer = TypeVar("Answer")


class ElectionThread:
    """An event loop in a thread of its own. A renewal must not wait while the main loop works on something large."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="leader election", daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[None, None, Answer]) -> Answer:
        """Run something there, and wait for it here. If the wait is cancelled, so is the work."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Election:
    """The elector of this process, and its own client of the API server."""

    elector: LeaderElector
    leadership: Leadership
    kubernetes: Kubernetes
    thread: ElectionThread
    renewals: asyncio.Task[None] | None = None
    """Runs in the thread from the moment when this process leads."""

    @classmethod
    async def create(cls, settings: Settings, on_request: RequestHook, on_lost: Callable[[str], None]) -> Self | None:
        """Connect a client for the Lease; return None if this process works without one."""
        lock = settings.lease_ref
        if lock is None:
            return None
        times = LeaseTimes(settings.lease_seconds)
        leadership = Leadership(times, on_lost)
        thread = ElectionThread()
        kubernetes = await thread.run(connect(on_request))
        # A pod's name is in the log and in events; the rest tells a container from the one before it.
        name = f"{settings.pod_namespace or socket.gethostname()}/{settings.pod_name}".rstrip("/")
        identity = f"{name}_{uuid4().hex[:8]}"
        return cls(LeaderElector(kubernetes, lock, identity, times, leadership), leadership, kubernetes, thread)

    async def acquire(self) -> bool:
        """Wait until this process leads, and have the Lease renewed; return whether another one led at first."""
        return await self.thread.run(self._acquire())

    async def renew(self) -> None:
        """Wait while the Lease is renewed, until this process is ended. If the wait is cancelled, so are renewals."""
        await self.thread.run(self._renew())

    async def _acquire(self) -> bool:
        waited = await self.elector.acquire()
        self.renewals = asyncio.create_task(self.elector.renew(), name="lease renewal")
        return waited

    async def _renew(self) -> None:
        if self.renewals is not None:
            await self.renewals

    async def close(self) -> None:
        """Give the Lease back, and close the client."""
        await self.thread.run(self.elector.release())
        await self.thread.run(self.kubernetes.close())
        self.thread.close()
