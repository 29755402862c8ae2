"""The Lease is renewed whatever the main loop does."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

from blendersessions.model.errors import NotFound, System
from blendersessions.model.manifest import Ref
from blendersessions_operator.controller.election import Election, ElectionThread
from blendersessions_operator.controller.leader_election import LeaderElector, Leadership, LeaseTimes
from waiting import DEADLINE_SECONDS

TIMES = LeaseTimes(600.0)
RENEWALS = 3


class Leases:
    """The API server, and what a test sees of it."""

    def __init__(self) -> None:
        self.writes: list[dict[str, Any]] = []
        self.renewed_often = threading.Event()
        self.threads: set[str] = set()

    async def get(self, ref: Ref) -> dict[str, Any]:
        if not self.writes:
            raise NotFound(f"no {ref}", System.KUBERNETES)
        return self.writes[-1]

    async def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return await self.replace(manifest)

    async def replace(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.threads.add(threading.current_thread().name)
        version = {"uid": "uid", "resourceVersion": str(len(self.writes))}
        self.writes.append(manifest | {"metadata": manifest["metadata"] | version})
        if len(self.writes) > RENEWALS:
            self.renewed_often.set()
        return self.writes[-1]

    async def pause(self, seconds: float) -> None:
        """Wait for nothing, until it was renewed often; then for ever."""
        del seconds
        if self.renewed_often.is_set():
            await asyncio.Event().wait()

    async def close(self) -> None:
        """Close nothing."""


async def test_the_lease_is_renewed_while_the_main_loop_is_busy() -> None:
    leases, lost = Leases(), list[str]()
    leadership = Leadership(TIMES, lost.append)
    lock = Ref("Lease", "kube-system", "blender-sessions")
    elector = LeaderElector(leases, lock, "ours", TIMES, leadership, sleep=leases.pause)
    election = Election(elector, leadership, cast("Any", leases), ElectionThread())
    assert not await election.acquire()
    # The main loop does nothing else until this is over.
    assert leases.renewed_often.wait(DEADLINE_SECONDS)
    assert leases.threads == {"leader election"}
    assert election.renewals is not None
    election.renewals.get_loop().call_soon_threadsafe(election.renewals.cancel)
    await election.close()
    assert leases.writes[-1]["spec"]["holderIdentity"] == "", "it was given back"
    assert leadership.seconds_left <= 0
    assert not lost
