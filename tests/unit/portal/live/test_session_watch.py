"""One list and one watch of each kind fill the cache, whatever the API server does."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from blendersessions.clients.kubernetes import reflector
from blendersessions_portal.session_cache import SessionCache
from blendersessions_portal.session_store import KubernetesSessionStore
from blendersessions_portal.session_watch import SessionWatch
from blendersessions_portal.transfer_rules import TransferRules
from unit.api_server import answering
from unit.portal.live.test_session_cache import phase, session
from waiting import until_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from blendersessions.model.manifest import Manifest

SESSIONS = "blendersessions"
CLASSES = "blendersessionclasses"


class ApiServer:
    """Lists what a test sets, and sends each watch what a test puts into it.

    Attributes:
        listed: the objects of each kind.
        version: the resource version of each list.
        refuses: what is answered with 403: `list` or `watch`, and the kind.
        breaks: the kinds whose watches end as soon as they begin.
    """

    def __init__(self) -> None:
        self.listed: dict[str, list[Manifest]] = {SESSIONS: [], CLASSES: []}
        self.version = 100
        self.refuses: set[tuple[str, str]] = set()
        self.breaks: set[str] = set()
        self.expires: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.watches: dict[str, asyncio.Queue[Manifest | None]] = {}
        self.watched = asyncio.Event()
        self._asked = asyncio.Event()

    async def until(self, what: str, probe: Callable[[], bool]) -> None:
        """Wait for a condition that a request makes true."""
        while not probe():
            self._asked.clear()
            await until_set(what, self._asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        kind = request.path.split("/namespaces/blender/")[1]
        verb = "watch" if "watch" in request.query else "list" if kind in self.listed else "get"
        self.requests.append((verb, kind))
        self._asked.set()
        if (verb, kind) in self.refuses:
            return web.json_response({"message": f"you may not {verb} {kind}"}, status=403)
        if verb == "list":
            return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": self.listed[kind]})
        if verb == "get":
            return web.json_response({"message": "not found"}, status=404)
        if kind in self.expires:
            self.expires.remove(kind)
            return web.json_response({"message": "too old"}, status=410)
        response = web.StreamResponse()
        await response.prepare(request)
        if kind not in self.breaks:
            await self._send_changes(kind, response)
        return response

    async def _send_changes(self, kind: str, response: web.StreamResponse) -> None:
        queue: asyncio.Queue[Manifest | None] = asyncio.Queue()
        self.watches[kind] = queue
        self._asked.set()
        if self.watches.keys() == self.listed.keys():
            self.watched.set()
        while (event := await queue.get()) is not None:
            await response.write(json.dumps(event).encode() + b"\n")

    def send(self, what: str, body: Manifest, kind: str = SESSIONS) -> None:
        self.watches[kind].put_nowait({"type": what, "object": body})

    def end(self) -> None:
        for queue in self.watches.values():
            queue.put_nowait(None)
        self.watches.clear()
        self.watched.clear()

    def count(self, verb: str, kind: str = SESSIONS) -> int:
        return self.requests.count((verb, kind))


class Watched:
    """A portal's store over that API server."""

    def __init__(self, api: ApiServer, cache: SessionCache, store: KubernetesSessionStore) -> None:
        self.api = api
        self.cache = cache
        self.store = store
        self._told = asyncio.Event()
        cache.listen(lambda _owner: self._told.set())

    async def sees(self, name: str, url: str) -> None:
        """Wait until the cache has a session with a URL; empty: without it."""
        while (view.status.client_url if (view := self.cache.get(name)) else "") != url:
            self._told.clear()
            await until_set(f"{name} has {url or 'gone'}", self._told)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "MIN_WATCH_DELAY_SECONDS", 0.0)
    monkeypatch.setattr(reflector, "MAX_WATCH_DELAY_SECONDS", 0.01)


@asynccontextmanager
async def watching(api: ApiServer) -> AsyncIterator[Watched]:
    cache = SessionCache()
    async with answering(api.answer) as kubernetes:
        watch = SessionWatch(kubernetes, "blender", cache)
        watch.start()
        try:
            yield Watched(api, cache, KubernetesSessionStore(kubernetes, "blender", cache))
        finally:
            api.end()
            await watch.stop()


def with_url(version: int, url: str, name: str = "a") -> Manifest:
    return phase(session(name), version, url)


async def test_pages_send_no_request_once_there_is_a_watch() -> None:
    api = ApiServer()
    api.listed[SESSIONS] = [with_url(90, "x"), session("b", "bob")]
    api.listed[CLASSES] = [{"metadata": {"name": "c", "namespace": "blender"}, "spec": {"transfer": {"upload": False}}}]
    async with watching(api) as watched:
        await until_set("both kinds are watched", api.watched)
        before = len(api.requests)
        for _ in range(100):
            assert [each.name for each in await watched.store.list("alice")] == ["a"]
            assert (await watched.store.get("alice", "a")).uid == "uid-a"
            assert await watched.store.rules("c", may_be_known=True) == TransferRules(upload=False)
        assert await watched.store.count() == 2
        assert len(api.requests) == before
        assert (api.count("list"), api.count("watch"), api.count("watch", CLASSES)) == (1, 1, 1)


async def test_changes_and_deletions_are_seen() -> None:
    api = ApiServer()
    async with watching(api) as watched:
        await until_set("both kinds are watched", api.watched)
        api.send("ADDED", with_url(101, "x"))
        await watched.sees("a", "http://x/")
        api.send("MODIFIED", with_url(102, "y"))
        await watched.sees("a", "http://y/")
        api.send("DELETED", with_url(103, "y"))
        await watched.sees("a", "")
        assert api.count("list") == 1


async def test_a_watch_that_ends_in_order_goes_on_from_where_it_was() -> None:
    api = ApiServer()
    async with watching(api) as watched:
        await until_set("both kinds are watched", api.watched)
        api.send("ADDED", with_url(101, "x"))
        api.send("BOOKMARK", {"metadata": {"resourceVersion": "110"}}, CLASSES)
        await watched.sees("a", "http://x/")
        api.end()
        await until_set("both kinds are watched", api.watched)
        api.send("MODIFIED", with_url(120, "y"))
        await watched.sees("a", "http://y/")
        assert api.count("list") == 1


@pytest.mark.parametrize("what", ["expired", "went back"])
async def test_a_version_that_is_worth_nothing_leads_to_a_list(what: str) -> None:
    api = ApiServer()
    api.listed[SESSIONS] = [with_url(90, "x"), session("b")]
    async with watching(api) as watched:
        await until_set("both kinds are watched", api.watched)
        api.listed[SESSIONS], api.version = [with_url(40, "restored")], 50
        if what == "expired":
            api.expires.append(SESSIONS)
            api.end()
        else:
            # After a restore of etcd the versions are older. The bookmark of the next minute shows it.
            api.send("BOOKMARK", {"metadata": {"resourceVersion": "45"}})
        await watched.sees("a", "http://restored/")
        assert watched.cache.get("b") is None
        await until_set("both kinds are watched", api.watched)


async def test_a_watch_that_is_over_at_once_again_and_again_counts_as_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_portal.freshness.GRACE_SECONDS", 0.05)
    api = ApiServer()
    api.breaks.add(SESSIONS)
    api.listed[SESSIONS] = [with_url(90, "x")]
    async with watching(api) as watched:
        is_old, is_current = asyncio.Event(), asyncio.Event()
        watched.cache.listen(lambda _owner: (is_old if watched.cache.sessions.old_since else is_current).set())
        await until_set("it is old", is_old)
        assert [each.name for each in await watched.store.list("alice")] == ["a"], "the page shows what was known"
        api.breaks.clear()
        is_current.clear()
        await api.until("sessions are watched", lambda: SESSIONS in api.watches)
        api.send("MODIFIED", with_url(101, "y"))
        await until_set("it is current", is_current)


async def test_without_the_right_to_watch_each_page_reads(caplog: pytest.LogCaptureFixture) -> None:
    api = ApiServer()
    api.refuses |= {("watch", SESSIONS), ("watch", CLASSES)}
    api.listed[SESSIONS] = [session()]
    async with watching(api) as watched:
        # The second attempt comes when the answer to the first was read.
        await api.until("both are refused", lambda: min(api.count("watch"), api.count("watch", CLASSES)) >= 3)
        before = api.count("list")
        assert [each.name for each in await watched.store.list("alice")] == ["a"]
        assert api.count("list") > before
        assert await watched.store.rules("c", may_be_known=True) == TransferRules()
        assert api.count("get", f"{CLASSES}/c") == 1
    assert (
        caplog.text.count("you may not watch blendersessions.")
        + caplog.text.count("you may not watch blendersessions\n")
        == 1
    ), caplog.text
    assert "without the right to watch it reads them for each page" in caplog.text


async def test_an_answer_of_404_does_not_hide_what_the_watch_has() -> None:
    api = ApiServer()
    api.listed[SESSIONS] = [session()]
    async with watching(api) as watched:
        await until_set("both kinds are watched", api.watched)
        assert (await watched.store.get("alice", "a")).name == "a", "every plain read is answered with 404 here"


async def test_a_class_that_the_watch_has_not_shown_is_read() -> None:
    api = ApiServer()
    async with watching(api) as watched:
        await until_set("both kinds are watched", api.watched)
        await watched.store.rules("new", may_be_known=True)
        assert api.count("get", f"{CLASSES}/new") == 1
