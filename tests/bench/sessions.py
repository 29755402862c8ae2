"""What is measured of the operator: bursts, deletion, the steady state, a restart."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apiserver.api import SESSIONS
from bench.client import DEADLINE, Client, Object, each, is_gone, is_ready, watching
from bench.cluster import OPERATOR, SESSIONS_IN, simulated
from bench.floor import KINDS, SELECTOR
from bench.processes import administrator, operator, standin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from apiserver.guacamole_admin import GuacamoleAdmin
    from bench.processes import Operator

COLLECTION = f"{SESSIONS}/namespaces/{SESSIONS_IN}/blendersessions"
QUIET_SECONDS = 3.0
"""The operator is idle when it has sent nothing for this many seconds."""
_DISPATCHED = re.compile(
    rf'^apiserver_flowcontrol_dispatched_requests_total\{{[^}}]*flow_schema="{OPERATOR}"[^}}]*\}} (\S+)$', re.MULTILINE
)


@asynccontextmanager
async def under_test(folder: Path, *etcd_options: str) -> AsyncIterator[Bench]:
    """Run a control plane with simulated nodes, a stand-in and the operator while the block runs; logs go to `folder`.

    One session is Ready when the block begins.
    """
    with (
        simulated(folder, *etcd_options) as cluster,
        standin(folder) as guacamole,
        administrator(guacamole) as admin,
        operator(cluster.operator_kubeconfig, guacamole, folder) as running,
    ):
        async with Client(cluster.client_kubeconfig) as client:
            bench = Bench(client, running, admin)
            await bench.first()
            yield bench


@dataclass(frozen=True)
class Marks:
    """The resources used and requests sent up to a moment."""

    at: float
    cpu_seconds: float
    kubernetes: int
    """Requests of the operator, its watches included, as the API server counts them."""
    sent: Counter[str]
    """Requests by system, method and resource, as the operator counts them."""


class Bench:
    """One operator on one simulated cluster."""

    def __init__(self, client: Client, operator: Operator, guacamole: GuacamoleAdmin) -> None:
        self.client = client
        self.operator = operator
        self.guacamole = guacamole

    async def first(self) -> None:
        """Bring one session to readiness: the operator works, and what it makes can be looked at."""
        async with watching(self.client, COLLECTION, 1, is_ready) as ready:
            await self.create("first")
            await ready.wait()
        await self.settled()

    async def burst(self, count: int, prefix: str) -> Object:
        """Create sessions at once; return the seconds until all were Ready, and what that cost."""
        before = await self.marks()
        async with watching(self.client, COLLECTION, count, is_ready) as ready:
            begun = time.monotonic()
            await each(range(count), lambda number: self.create(f"{prefix}-{number}"))
            ended = await ready.wait()
        cpu = self.operator.cpu_seconds() - before.cpu_seconds
        after = await self.settled()
        waits = sorted(at - begun for at in ready.at.values())
        return {
            "sessions": count,
            "seconds": ended - begun,
            "median_seconds": statistics.median(waits),
            "operator_cpu_seconds": cpu,
            "operator_memory_mib": self.operator.memory(),
            "requests_per_session": _per_session(before, after, count),
        }

    async def one_by_one(self, count: int) -> Object:
        """Create sessions one after the other, each when the last is Ready; return the seconds and requests of each."""
        before, seconds = await self.marks(), []
        for number in range(count):
            async with watching(self.client, COLLECTION, 1, is_ready) as ready:
                begun = time.monotonic()
                await self.create(f"single-{number}")
                seconds.append(await ready.wait() - begun)
        after = await self.settled()
        return {
            "sessions": count,
            "median_seconds": statistics.median(seconds),
            "slowest_seconds": max(seconds),
            "requests_per_session": _per_session(before, after, count),
        }

    async def delete(self, count: int) -> Object:
        """Delete all sessions at once; return the seconds until none is left here nor in Guacamole, and clear up."""
        names = [item["metadata"]["name"] for item in await self.client.list(COLLECTION)]
        assert len(names) == count, f"{len(names)} sessions are there, not {count}"
        before = await self.marks()
        async with watching(self.client, COLLECTION, count, is_gone) as gone:
            begun = time.monotonic()
            await each(names, lambda name: self.client.text("DELETE", f"{COLLECTION}/{name}"))
            ended = await gone.wait()
        cpu = self.operator.cpu_seconds() - before.cpu_seconds
        left = len(self.guacamole.connections()) + len(self.guacamole.users())
        assert not left, f"{left} connections and users are left in Guacamole"
        await self.client.clear(*(f"api/v1/namespaces/{SESSIONS_IN}/{kind}?{SELECTOR}" for kind in KINDS))
        await self.settled()
        return {"sessions": count, "seconds": ended - begun, "operator_cpu_seconds": cpu}

    async def steady(self, seconds: float) -> Object:
        """Measure the operator while nothing changes; return what it uses and sends."""
        before = await self.settled()
        await asyncio.sleep(seconds)
        after = await self.marks()
        passed = after.at - before.at
        sent = _by_system(after.sent - before.sent)
        return {
            "seconds": passed,
            "sessions": len(await self.client.list(COLLECTION)),
            "operator_cpu_percent": 100 * (after.cpu_seconds - before.cpu_seconds) / passed,
            "operator_memory_mib": self.operator.memory(),
            "kubernetes_requests": after.kubernetes - before.kubernetes,
            "kubernetes_requests_per_second": (after.kubernetes - before.kubernetes) / passed,
            "guacamole_requests": sent["guacamole"],
            "guacamole_requests_per_second": sent["guacamole"] / passed,
            "requests": dict(after.sent - before.sent),
        }

    async def restart(self) -> Object:
        """Restart the operator; return the seconds until a new session is Ready, and which objects it wrote."""
        before = await self.versions()
        connections = self.guacamole.connections()
        self.operator.stop()
        begun = time.monotonic()
        self.operator.start()
        async with watching(self.client, COLLECTION, 1, lambda event: is_new(event) and is_ready(event)) as ready:
            await self.create("after-restart")
            ended = await ready.wait()
        cpu = self.operator.cpu_seconds()
        after_start = await self.settled()
        after = await self.versions()
        written = sorted(key for key, version in before.items() if after.get(key) != version)
        now = self.guacamole.connections()
        return {
            "sessions": sum(key.startswith("blendersessions/") for key in before),
            "seconds": ended - begun,
            "operator_cpu_seconds": cpu,
            "operator_memory_mib": self.operator.memory(),
            "objects_before": len(before),
            "objects_written": len(written),
            "objects_written_first": written[:10],
            "connections_written": sum(now.get(key) != connection for key, connection in connections.items()),
            "requests": dict(after_start.sent),
        }

    async def create(self, name: str) -> None:
        """Create one session."""
        body = {
            "apiVersion": "blendersessions.io/v1alpha1",
            "kind": "BlenderSession",
            "metadata": {"name": name},
            "spec": {"scene": {"sample": "shopping_cart.blend"}},
        }
        await self.client.text("POST", COLLECTION, body)

    async def marks(self) -> Marks:
        """Read all counters."""
        text = await self.client.text("GET", "metrics")
        kubernetes = int(sum(float(value) for value in _DISPATCHED.findall(text)))
        sent = Counter(await asyncio.to_thread(self.operator.requests))
        return Marks(time.monotonic(), self.operator.cpu_seconds(), kubernetes, sent)

    async def settled(self) -> Marks:
        """Wait until the operator sends nothing any more, and read all counters."""
        marks = await self.marks()
        async with asyncio.timeout(DEADLINE):
            while True:
                await asyncio.sleep(QUIET_SECONDS)
                again = await self.marks()
                if again.sent == marks.sent:
                    return again
                marks = again

    async def versions(self) -> dict[str, str]:
        """Return the resource version of every object of every session."""
        found: dict[str, str] = {}
        places = {"blendersessions": COLLECTION} | {
            kind: f"api/v1/namespaces/{SESSIONS_IN}/{kind}?{SELECTOR}" for kind in KINDS
        }
        for kind, path in places.items():
            for item in await self.client.list(path):
                found[f"{kind}/{item['metadata']['name']}"] = item["metadata"]["resourceVersion"]
        return found


def is_new(event: Object) -> bool:
    """Return whether an event is about the session that is created during a restart."""
    return bool(event["object"]["metadata"]["name"] == "after-restart")


def _by_system(sent: Counter[str]) -> Counter[str]:
    systems: Counter[str] = Counter()
    for key, count in sent.items():
        systems[key.partition(" ")[0]] += count
    return systems


def _per_session(before: Marks, after: Marks, count: int) -> Object:
    sent = after.sent - before.sent
    systems = _by_system(sent)
    return {
        "kubernetes": systems["kubernetes"] / count,
        "kubernetes_with_watches": (after.kubernetes - before.kubernetes) / count,
        "guacamole": systems["guacamole"] / count,
        "each": {key: round(number / count, 2) for key, number in sent.most_common()},
    }
