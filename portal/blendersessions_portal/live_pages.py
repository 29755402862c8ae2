"""Streams of server-sent events, which keep the parts of open pages current (HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from blendersessions_portal.identity import NotSignedInError
from blendersessions_portal.live_parts import PartKey, TooManyError
from blendersessions_portal.rendering import asks_to_stay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send

    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier, Visitor
    from blendersessions_portal.live_parts import LiveParts, Watcher
    from blendersessions_portal.session_store import SessionStore

HEARTBEAT_SECONDS: Final = 15.0
"""Longest silence of a stream. Proxies end a connection on which nothing moves, most of them after a minute."""
MAX_SECONDS: Final = 600.0
"""How long a stream lasts. The browser asks for the next one at once, and proves anew who it is."""
RECHECK_SECONDS: Final = 1.0
"""A visitor who was known less than this ago is known still, unless a sign-out came."""
TOKEN_SECONDS: Final = 60.0
"""How long a stream sends the same token for forms, which is good for a day."""
SEND_SECONDS: Final = 20.0
"""A browser that takes nothing for this time is gone."""
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_TOO_MANY_OF_ONE: Final = (429, "60", "You have many pages open. This one asks from time to time.\n")
_TOO_MANY: Final = (503, "60", "Many pages are open. This one asks from time to time.\n")
_NO_WATCH: Final = (503, "15", "Changes are not watched at the moment. The page asks from time to time.\n")


@dataclass(frozen=True)
class LivePages:
    """The endpoints, and the parts of the portal that they use."""

    identifier: Identifier
    guard: CsrfGuard
    store: SessionStore
    parts: LiveParts

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        return [Route("/events", self.list), Route("/sessions/{name}/events", self.session)]

    async def list(self, request: Request) -> Response:
        """Tell of changes in the visitor's list of sessions."""
        visitor = self.identifier.identify(request)
        return await self._stream(request, visitor, PartKey(visitor.owner))

    async def session(self, request: Request) -> Response:
        """Tell of changes of one session."""
        visitor = self.identifier.identify(request)
        return await self._stream(
            request, visitor, PartKey(visitor.owner, request.path_params["name"], asks_to_stay(request))
        )

    async def _stream(self, request: Request, visitor: Visitor, key: PartKey) -> Response:
        if not visitor.known:
            # Such a browser keeps no cookie, or has none yet, so it owns nothing that could change.
            return Response(status_code=204)
        if not self.parts.works:
            return _refusal(*_NO_WATCH)
        try:
            # Before anything is waited for, so that no sign-out is missed.
            watcher = self.parts.watch(visitor, key)
        except TooManyError as error:
            return _refusal(*(_TOO_MANY_OF_ONE if error.of_one else _TOO_MANY))
        try:
            if key.name:
                # A session that was made just now is in the cache after this. One of somebody else is refused.
                await self.store.get(visitor.owner, key.name)
        except BaseException:
            self.parts.leave(watcher)
            raise
        self.parts.begin(watcher)
        return EventStream(self._events(request, watcher), lambda: self.parts.leave(watcher))

    async def _events(self, request: Request, watcher: Watcher) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        spread = random.random()  # noqa: S311 - to spread the load, not to keep a secret
        ends = loop.time() + MAX_SECONDS * (1 - 0.2 * spread)
        yield f"retry: {2000 + int(3000 * spread)}\n\n"
        known_until, token, token_until, sent = loop.time() + RECHECK_SECONDS, "", 0.0, None
        while True:
            watcher.news.clear()
            now = loop.time()
            if watcher.is_out or (now >= known_until and not self._is_still_known(request, watcher)):
                yield _event("out")
                return
            if now >= known_until:
                known_until = now + RECHECK_SECONDS
            if not self.parts.works or now >= ends:
                yield _event("again" if self.parts.works else "closed")
                return
            text = watcher.part.text
            if text is not None and text is not sent:
                if now >= token_until:
                    token, token_until = self.guard.token(watcher.visitor), now + TOKEN_SECONDS
                sent = text
                yield _event("part", text.replace(self.parts.token_place, token))
                if watcher.part.is_gone:
                    return
            seconds = min(HEARTBEAT_SECONDS, ends - now)
            if watcher.visitor.seconds_left is not None:
                seconds = min(seconds, watcher.visitor.seconds_left)
            if not await _is_set_within(watcher.news, max(seconds, 0.01)):
                known_until = 0.0
                yield _event("beat")

    def _is_still_known(self, request: Request, watcher: Watcher) -> bool:
        """Return whether the request's cookie or headers still name the visitor, and take over for how long."""
        try:
            visitor = self.identifier.identify(request)
        except NotSignedInError:
            return False
        if not visitor.known or visitor.owner != watcher.visitor.owner:
            return False
        # Where a header names people, a request without a cookie is of a new browser each time.
        watcher.visitor = replace(watcher.visitor, seconds_left=visitor.seconds_left)
        return True


class EventStream(Response):
    """The answer that goes on until the events end or the browser goes. Then it frees what it holds.

    Args:
        events: what is sent.
        close: called at the end, whatever ends it.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], close: Callable[[], None]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["Content-Length"]
        self._events = events
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, and each event at once."""
        try:
            await self._send(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] == "GET":
                await self._until_one_ends(receive, send)
            await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except (OSError, TimeoutError):
            # The browser is gone, or takes nothing any more.
            return
        finally:
            self._close()

    async def _until_one_ends(self, receive: Receive, send: Send) -> None:
        tasks = [asyncio.ensure_future(self._send_events(send)), asyncio.ensure_future(_browser_is_gone(receive))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_events(self, send: Send) -> None:
        async for event in self._events:
            await self._send(send, {"type": "http.response.body", "body": event.encode(), "more_body": True})

    async def _send(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await send(message)


async def _browser_is_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _event(kind: str, text: str = "") -> str:
    lines = "".join(f"data: {line}\n" for line in text.replace("\r", "").split("\n"))
    return f"event: {kind}\n{lines}\n"


def _refusal(status: int, seconds: str, words: str) -> Response:
    return PlainTextResponse(words, status, {"Retry-After": seconds})
