"""A tenant who fills the cluster with large objects: the operator's memory, and how long the others wait."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from apiserver.api import SESSIONS
from bench.client import each, is_ready, watching
from bench.sessions import COLLECTION, under_test
from blendersessions.model.labels import MANAGED_BY, MANAGED_BY_VALUE
from blendersessions.model.names import name_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.client import Client, Object
    from bench.sessions import Bench

TENANT = "bench-hostile"
SECRET_BYTES = 1_000_000
ANNOTATION_BYTES = 250_000
IN_FLIGHT = 4
"""Requests of the tenant at a time."""
QUOTA = 16 * 1024**3
"""Bytes that etcd takes. The objects are a gigabyte and a half, and each is written several times."""
SAMPLE_SECONDS = 0.1
QUIET_SECONDS = 10
"""How long the others are watched before the tenant comes, and after the restart."""


class Peak:
    """The largest resident memory of the operator since it was reset, in MiB."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.mib = 0.0

    async def follow(self) -> None:
        """Sample the memory until the task is cancelled."""
        while True:
            with contextlib.suppress(Exception):  # The process is being started again.
                self.mib = max(self.mib, self._bench.operator.memory())
            await asyncio.sleep(SAMPLE_SECONDS)


def main(arguments: list[str]) -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="make bench OPTIONS=hostile", description=__doc__)
    parser.add_argument("--secrets", type=int, default=1000, help="labelled Secrets of 1 MB")
    parser.add_argument("--sessions", type=int, default=2000, help="sessions with annotations of 250 kB")
    parser.add_argument("--keep", type=Path, help="a folder for the logs; default: one that is removed")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="blender-sessions-bench-") as temporary:
        folder = given.keep.resolve() if given.keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(asyncio.run(measure(folder, given.secrets, given.sessions)), indent=2))


async def measure(folder: Path, secrets: int, sessions: int) -> Object:
    """Fill the cluster while others start sessions, then restart the operator in the midst of it."""
    async with under_test(folder, f"--quota-backend-bytes={QUOTA}") as bench:
        client = bench.client
        await client.text("POST", "api/v1/namespaces", {"metadata": {"name": TENANT}})
        async with peak_of(bench) as peak:
            figures: Object = {"secrets": secrets, "sessions": sessions, "memory_before_mib": bench.operator.memory()}
            async with waits_of_others(bench, "before") as waits:
                await asyncio.sleep(QUIET_SECONDS)
            figures["before"] = report(peak, waits)
            async with waits_of_others(bench, "among-secrets") as waits:
                await each(range(secrets), lambda number: add_secret(client, number), IN_FLIGHT)
            figures["among_secrets"] = report(peak, waits)
            async with waits_of_others(bench, "among-sessions") as waits:
                await each(range(sessions), lambda number: add_session(client, number), IN_FLIGHT)
                await bench.settled()
            figures["among_sessions"] = report(peak, waits)
            bench.operator.stop()
            begun = time.monotonic()
            bench.operator.start()
            seconds = await start_one(bench, "after-restart")
            await bench.settled()
            figures["restart"] = {"seconds": seconds, "settled_seconds": time.monotonic() - begun}
            async with waits_of_others(bench, "after") as waits:
                await asyncio.sleep(QUIET_SECONDS)
            figures["after_restart"] = report(peak, waits)
        return figures


def report(peak: Peak, waits: list[float]) -> Object:
    """Return the figures of one stage, and begin the next."""
    found = {"peak_memory_mib": peak.mib, "others": len(waits), "slowest_other_seconds": max(waits, default=0.0)}
    peak.mib = 0.0
    print(found, flush=True)
    return found


@contextlib.asynccontextmanager
async def peak_of(bench: Bench) -> AsyncIterator[Peak]:
    """Follow the operator's memory while the block runs."""
    peak = Peak(bench)
    task = asyncio.create_task(peak.follow())
    try:
        yield peak
    finally:
        task.cancel()


@contextlib.asynccontextmanager
async def waits_of_others(bench: Bench, prefix: str) -> AsyncIterator[list[float]]:
    """Start a session in another namespace again and again while the block runs; yield the seconds of each."""
    waits: list[float] = []
    over = asyncio.Event()

    async def again() -> None:
        number = 0
        while not over.is_set():
            number += 1
            waits.append(await start_one(bench, f"{prefix}-{number}"))
            await asyncio.sleep(1)

    task = asyncio.create_task(again())
    try:
        yield waits
    finally:
        over.set()
        await task


async def start_one(bench: Bench, name: str) -> float:
    """Start one session; return the seconds until it is Ready."""
    wanted = f"/{name}"
    async with watching(
        bench.client,
        COLLECTION,
        1,
        lambda event: f"/{event['object']['metadata']['name']}" == wanted and is_ready(event),
    ) as ready:
        begun = time.monotonic()
        await bench.create(name)
        return await ready.wait() - begun


async def add_secret(client: Client, number: int) -> None:
    """Make one labelled Secret of a megabyte, with a name like the operator's own."""
    meta = {"name": name_for(str(uuid.UUID(int=number))), "labels": {MANAGED_BY: MANAGED_BY_VALUE}}
    data = {"large": base64.b64encode(b"x" * SECRET_BYTES).decode()}
    await client.text("POST", f"api/v1/namespaces/{TENANT}/secrets", {"metadata": meta, "data": data})


async def add_session(client: Client, number: int) -> None:
    """Make one session with large annotations, which wants no desktop."""
    meta = {"name": f"large-{number}", "annotations": {"example.org/large": "x" * ANNOTATION_BYTES}}
    body = {"apiVersion": "blendersessions.io/v1alpha1", "kind": "BlenderSession", "metadata": meta}
    path = f"{SESSIONS}/namespaces/{TENANT}/blendersessions"
    await client.text("POST", path, body | {"spec": {"suspend": True}})
