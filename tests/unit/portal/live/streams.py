"""Open streams of a portal, event by event."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message

    from unit.portal.portals import Browser, Portal


class Event(NamedTuple):
    """One event."""

    kind: str
    data: str = ""

    @property
    def csrf(self) -> str:
        """The token of the part's forms."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.data)
        assert found, self.data
        return found[1]


class Stream:
    """What a browser gets.

    Attributes:
        takes: whether the browser takes what is sent; else the sender waits.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.events: list[Event] = []
        self.is_over = False
        self.task: asyncio.Task[None] | None = None
        self.takes = asyncio.Event()
        self.takes.set()
        self._leaves = asyncio.Event()
        self._news = asyncio.Condition()
        self._read = 0

    async def receive(self) -> Message:
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.takes.wait()
        async with self._news:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {key.decode(): value.decode() for key, value in message["headers"]}
            else:
                self._add(message["body"])
                self.is_over = not message.get("more_body")
            self._news.notify_all()

    async def served(self) -> None:
        """Wait until the portal has done with it, though the tab is open."""
        assert self.task is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.task

    def leave(self) -> None:
        """Close the tab."""
        self._leaves.set()

    async def next(self, kind: str | None = "part") -> Event:
        """Return the next event that was not read yet, which must be of a kind if one is named."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._news:
            await self._news.wait_for(lambda: len(self.events) > self._read or self.is_over)
        assert len(self.events) > self._read, f"the stream is over, and has had {[each.kind for each in self.events]}"
        event = self.events[self._read]
        self._read += 1
        assert kind in (None, event.kind), event
        return event

    async def end(self) -> None:
        """Wait for the end."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._news:
            await self._news.wait_for(lambda: self.is_over)

    def _add(self, body: bytes) -> None:
        self.body += body
        *whole, _ = self.body.decode().split("\n\n")
        found = []
        for block in whole:
            lines = [line.partition(": ") for line in block.split("\n")]
            kinds = [value for key, _, value in lines if key == "event"]
            if kinds:
                found.append(Event(kinds[0], "\n".join(value for key, _, value in lines if key == "data")))
        self.events = found


@asynccontextmanager
async def opened(portal: Portal, browser: Browser, address: str) -> AsyncIterator[Stream]:
    """Open a stream, with the cookies and the headers of a browser, and close the tab at the end of the block."""
    request, stream = browser.build_request("GET", address, headers={"Accept": "text/event-stream"}), Stream()
    parts = urlsplit(str(request.url))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": parts.scheme,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(key.lower(), value) for key, value in request.headers.raw],
        "client": (portal.peer, 40000),
        "server": ("portal.test", 80),
    }
    stream.task = asyncio.create_task(portal.app(scope, stream.receive, stream.send))
    try:
        yield stream
    finally:
        stream.takes.set()
        stream.leave()
        await stream.served()


def show(portal: Portal) -> None:
    """Have the watch see what is in the store now."""
    assert portal.cache is not None
    portal.cache.replace(deepcopy(list(portal.store.objects.values())), "", portal.cache.answers)


async def ready(portal: Portal, browser: Browser) -> str:
    """Make a session that is ready, and return the address of the stream of its page, where the person stays."""
    name = await browser.start()
    portal.store.make_ready(name)
    show(portal)
    return f"/sessions/{name}/events?stay=yes"
