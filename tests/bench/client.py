"""The leanest client that does the job: one kept-alive pool, a bound on what is in flight, plain dicts."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from pathlib import Path

IN_FLIGHT = 24
"""Requests in flight, as many as the operator's."""
DEADLINE = 600.0
"""Seconds that anything is waited for: a thousand sessions on a machine with other work take minutes."""
MERGE = "application/merge-patch+json"
Object = dict[str, Any]


class RefusedError(Exception):
    """The server answered with an error."""


class Client:
    """Requests to one API server by a service account's token."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        self._token = config["users"][0]["user"]["token"]
        self._server = cluster["server"]
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Two more for the watches, which keep theirs.
        connector = aiohttp.TCPConnector(limit=IN_FLIGHT + 2, ssl=self._context)
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        self._session = aiohttp.ClientSession(self._server, connector=connector, headers=headers, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def text(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> str:
        """Send one request and return the answer as it is.

        Raises:
            RefusedError: any answer but 2xx.
        """
        assert self._session is not None
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type}
        async with self._session.request(method, f"/{path}", data=data, headers=headers) as response:
            text = await response.text()
        if response.status >= 300:
            raise RefusedError(f"{method} {path}: {response.status} {text[:500]}")
        return text

    async def request(self, method: str, path: str, body: Object | None = None) -> Object:
        """Send one request and return the decoded answer."""
        return dict(json.loads(await self.text(method, path, body)))

    async def list(self, path: str) -> list[Object]:
        """Read a whole collection."""
        return list((await self.request("GET", path))["items"])

    async def clear(self, *paths: str) -> None:
        """Delete whole collections at once, and wait until they are empty."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        for path in paths:
            await self.text("DELETE", path, options)
            async with asyncio.timeout(DEADLINE):
                while await self.list(path):  # noqa: ASYNC110 - another program empties it
                    await asyncio.sleep(0.2)

    async def watch(self, path: str, version: str) -> AsyncIterator[Object]:
        """Yield the events of a collection from a version on, without end: the server may end a watch at any time."""
        assert self._session is not None
        while True:
            async with self._session.get(f"/{path}?watch=1&resourceVersion={version}") as response:
                buffer = b""
                async for chunk in response.content.iter_any():
                    *lines, buffer = (buffer + chunk).split(b"\n")
                    for line in lines:
                        event: Object = json.loads(line)
                        if event["type"] == "ERROR":
                            raise RefusedError(f"the watch of {path} broke: {event['object']}")
                        version = event["object"]["metadata"]["resourceVersion"]
                        yield event


class Seen:
    """When each object of a collection was first seen in the wanted state."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.at: dict[str, float] = {}
        self.all = asyncio.Event()

    def add(self, name: str) -> None:
        """Record that an object is in the wanted state."""
        self.at.setdefault(name, time.monotonic())
        if len(self.at) >= self._count:
            self.all.set()

    async def wait(self) -> float:
        """Wait until all objects are in it; return when the last one was."""
        try:
            async with asyncio.timeout(DEADLINE):
                await self.all.wait()
        except TimeoutError:
            raise TimeoutError(f"only {len(self.at)} of {self._count} within {DEADLINE:.0f} s") from None
        return max(self.at.values())


@asynccontextmanager
async def watching(client: Client, path: str, count: int, wanted: Callable[[Object], bool]) -> AsyncIterator[Seen]:
    """Watch a collection from now on until `count` of its objects had an event that is `wanted`."""
    version = (await client.request("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
    seen = Seen(count)

    async def follow() -> None:
        async for event in client.watch(path, version):
            if wanted(event):
                seen.add(event["object"]["metadata"]["name"])

    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        yield seen
        task.cancel()


async def each(items: Iterable[Any], work: Callable[[Any], Awaitable[object]], in_flight: int = IN_FLIGHT) -> None:
    """Do `work` for all items, a bounded number of them at a time."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker())


def is_ready(event: Object) -> bool:
    """Return whether an event shows a pod or a session that is Ready."""
    conditions = event["object"].get("status", {}).get("conditions") or ()
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def is_gone(event: Object) -> bool:
    """Return whether an event shows that an object is gone."""
    return bool(event["type"] == "DELETED")
