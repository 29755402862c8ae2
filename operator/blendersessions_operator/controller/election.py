"""One process's part in the leader election: its client, its identity, and what it may do."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from blendersessions.clients.kubernetes import connect
from blendersessions_operator.controller.leader_election import LeaderElector, Leadership, LeaseTimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.clients.instrumentation import RequestHook
    from blendersessions.clients.kubernetes import Kubernetes
    from blendersessions_operator.settings import Settings


@dataclass(frozen=True)
class Election:
    """The elector of this process, and its own client of the API server."""

    elector: LeaderElector
    leadership: Leadership
    kubernetes: Kubernetes

    @classmethod
    async def create(cls, settings: Settings, on_request: RequestHook, on_lost: Callable[[str], None]) -> Self | None:
        """Connect a client for the Lease; return None if this process works without one."""
        lock = settings.lease_ref
        if lock is None:
            return None
        times = LeaseTimes(settings.lease_seconds)
        leadership = Leadership(times, on_lost)
        kubernetes = await connect(on_request)
        # A pod's name is in the log and in events; the rest tells a container from the one before it.
        name = f"{settings.pod_namespace or socket.gethostname()}/{settings.pod_name}".rstrip("/")
        identity = f"{name}_{uuid4().hex[:8]}"
        return cls(LeaderElector(kubernetes, lock, identity, times, leadership), leadership, kubernetes)

    async def close(self) -> None:
        """Give the Lease back, and close the client."""
        await self.elector.release()
        await self.kubernetes.close()
