"""A watch notes what happens, goes on where it was, and begins anew from a list when it has lost its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.kubernetes import Change, Page
from blendersessions.model.errors import Expired, System, Unauthorised, Unavailable
from blendersessions.model.manifest import Manifest, Ref, ref_of
from blendersessions_operator.controller.informer import WATCH_ATTEMPTS, Collection, Informer
from blendersessions_operator.resources.service import service
from unit.operator.contexts import context_of
from unit.operator.factories import body, session, stored
from waiting import until_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blendersessions_operator.controller.context import ReconcilerContext


COLLECTION = Collection("Service", "")
SESSION = session().ref
Act = list[Change | Exception]


class FakeApi:
    """Plays one act for each watch, then hangs; lists what it is given."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.begun: list[str] = []
        self.items: list[Manifest] = []
        self.over = asyncio.Event()

    async def pages(self, kind: str, namespace: str, selector: str) -> AsyncIterator[Page]:
        assert (kind, namespace) == COLLECTION
        assert selector
        yield Page("500", self.items)

    async def watch(self, kind: str, namespace: str, selector: str, version: str) -> AsyncIterator[Change]:
        assert (kind, namespace) == COLLECTION
        assert selector
        self.begun.append(version)
        if not self.acts:
            self.over.set()
            await asyncio.Event().wait()
        for step in self.acts.pop(0):
            if isinstance(step, Exception):
                raise step
            yield step


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_operator.controller.informer.MIN_WATCH_DELAY_SECONDS", 0.0)
    monkeypatch.setattr("blendersessions_operator.controller.informer.MAX_WATCH_DELAY_SECONDS", 0.0)


@asynccontextmanager
async def watched(api: FakeApi, *known: Manifest) -> AsyncIterator[tuple[ReconcilerContext, list[Ref]]]:
    """Watch from version 100 until all acts are over."""
    context, queue = context_of(api, None, body(), *known)
    task = asyncio.create_task(Informer(context, COLLECTION).run("100"))
    try:
        await until_set("all acts of the watch are over", api.over)
        yield context, queue.added
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def at(version: str) -> Manifest:
    made = stored(service(session().desktop, session()))
    made["metadata"]["resourceVersion"] = version
    return made


async def test_news_are_noted_and_wake_the_session_and_an_echo_wakes_nobody() -> None:
    api = FakeApi([Change("101", manifest=at("101")), Change("101", manifest=at("101"))])
    async with watched(api) as (context, enqueued):
        assert context.cache.get(ref_of(at("101"))) is not None
        assert enqueued == [SESSION]


async def test_a_deletion_is_noted() -> None:
    api = FakeApi([Change("102", gone=True, manifest=at("102"))])
    async with watched(api, at("101")) as (context, enqueued):
        assert context.cache.get(ref_of(at("101"))) is None
        assert enqueued == [SESSION]


async def test_a_watch_that_ends_goes_on_where_it_was() -> None:
    api = FakeApi(
        [Change("101", manifest=at("101")), Change("120")],
        [Change("130"), Unavailable("broken off", System.KUBERNETES)],
        [],
    )
    async with watched(api):
        assert api.begun == ["100", "120", "130", "130"], "bookmarks count"


@pytest.mark.parametrize(
    "fate", [[[Expired("too old", System.KUBERNETES)]], [[Unavailable("away", System.GUACAMOLE)]] * WATCH_ATTEMPTS]
)
async def test_one_that_has_lost_its_place_begins_anew_from_a_list(fate: list[Act]) -> None:
    """A restored API server says nothing of versions that are too new for it, so what fails often does so too."""
    api = FakeApi(*fate)
    async with watched(api, at("101")) as (context, enqueued):
        assert api.begun[-1] == "500"
        assert context.cache.get(ref_of(at("101"))) is None, "the list tells that it is gone"
        assert enqueued == [SESSION]


async def test_what_is_refused_is_said_once_and_tried_further_on(caplog: pytest.LogCaptureFixture) -> None:
    refused = Unauthorised("you may not watch", System.KUBERNETES)
    api = FakeApi([refused], [refused], [refused], [Change("101", manifest=at("101"))])
    async with watched(api) as (_, enqueued):
        assert enqueued == [SESSION]
    assert caplog.text.count("you may not watch") == 1


async def test_one_that_only_ends_is_begun_more_and_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []

    def backoff(attempt: int) -> float:
        waits.append(attempt)
        return 0.0

    monkeypatch.setattr("blendersessions_operator.controller.informer.backoff", backoff)
    async with watched(
        FakeApi([], [Expired("too old", System.KUBERNETES)], [], [Change("101", manifest=at("101"))], [])
    ):
        assert waits == [1, 2, 3, 1], "what tells something begins the count anew"


async def test_a_fault_of_ours_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    async with watched(FakeApi([ZeroDivisionError("a fault of ours")], [Change("101", manifest=at("101"))])) as (
        _,
        enqueued,
    ):
        assert enqueued == [SESSION]
    assert "a fault of ours" in caplog.text
