"""An informer keeps the cache current, resumes a watch at its resource version, and relists when that has expired."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.kubernetes.answers import Change, Page
from blendersessions.clients.kubernetes.reflector import WATCH_ATTEMPTS, Collection
from blendersessions.model.errors import Expired, System, Unauthorised, Unavailable
from blendersessions.model.manifest import Manifest, Ref, ref_of
from blendersessions_operator.controller.informer import Informer
from blendersessions_operator.resources.service import service
from unit.operator.contexts import context_of
from unit.operator.factories import body, session, stored
from waiting import until_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from blendersessions_operator.controller.context import ReconcilerContext


COLLECTION = Collection("Service", "")
SESSION = session().ref
Act = list[Change | Exception]


class FakeApi:
    """Plays one act for each watch, then hangs; returns the objects that a test sets from lists."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.begun: list[str] = []
        self.items: list[Manifest] = []
        self.over = asyncio.Event()

    async def pages(self, kind: str, namespace: str, selector: str) -> AsyncIterator[Page]:
        assert (kind, namespace) == COLLECTION
        assert selector
        yield Page("500", self.items)

    async def watch(
        self, kind: str, namespace: str, selector: str, version: str, opened: Callable[[], None]
    ) -> AsyncIterator[Change]:
        assert (kind, namespace) == COLLECTION
        assert selector
        self.begun.append(version)
        opened()
        if not self.acts:
            self.over.set()
            await asyncio.Event().wait()
        for step in self.acts.pop(0):
            if isinstance(step, Exception):
                raise step
            yield step


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions.clients.kubernetes.reflector.MIN_WATCH_DELAY_SECONDS", 0.0)
    monkeypatch.setattr("blendersessions.clients.kubernetes.reflector.MAX_WATCH_DELAY_SECONDS", 0.0)


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


async def test_a_change_updates_the_cache_and_enqueues_once_and_an_echo_does_not() -> None:
    api = FakeApi([Change("101", manifest=at("101")), Change("101", manifest=at("101"))])
    async with watched(api) as (context, enqueued):
        assert context.cache.get(ref_of(at("101"))) is not None
        assert enqueued == [SESSION]


async def test_a_deletion_updates_the_cache() -> None:
    api = FakeApi([Change("102", gone=True, manifest=at("102"))])
    async with watched(api, at("101")) as (context, enqueued):
        assert context.cache.get(ref_of(at("101"))) is None
        assert enqueued == [SESSION]


async def test_a_watch_that_ends_resumes_at_its_resource_version() -> None:
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
async def test_a_watch_whose_version_expired_relists(fate: list[Act]) -> None:
    """A restored API server gives no reason when a version is too new for it, so repeated failures relist too."""
    api = FakeApi(*fate)
    async with watched(api, at("101")) as (context, enqueued):
        assert api.begun[-1] == "500"
        assert context.cache.get(ref_of(at("101"))) is None, "the list shows that it is gone"
        assert enqueued == [SESSION]


async def test_a_watch_that_goes_back_relists_and_keeps_nothing_of_it() -> None:
    """A restored etcd has older versions. Its bookmarks are the first that shows it."""
    api = FakeApi([Change("90", manifest=at("90"))])
    async with watched(api, at("101")) as (context, enqueued):
        assert api.begun == ["100", "500"]
        assert context.cache.get(ref_of(at("101"))) is None
        assert enqueued == [SESSION]


async def test_a_refused_watch_is_logged_once_and_retried(caplog: pytest.LogCaptureFixture) -> None:
    refused = Unauthorised("you may not watch", System.KUBERNETES)
    api = FakeApi([refused], [refused], [refused], [Change("501", manifest=at("501"))])
    async with watched(api) as (_, enqueued):
        assert enqueued == [SESSION]
    assert caplog.text.count("you may not watch") == 1


async def test_a_watch_that_only_ends_is_retried_with_growing_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []

    def backoff(attempt: int) -> float:
        waits.append(attempt)
        return 0.0

    monkeypatch.setattr("blendersessions.clients.kubernetes.reflector.backoff", backoff)
    async with watched(
        FakeApi([], [Expired("too old", System.KUBERNETES)], [], [Change("501", manifest=at("501"))], [])
    ):
        assert waits == [1, 2, 3, 1], "a watch that delivers something resets the count"


async def test_a_fault_of_ours_does_not_end_the_informer(caplog: pytest.LogCaptureFixture) -> None:
    async with watched(FakeApi([ZeroDivisionError("a fault of ours")], [Change("501", manifest=at("501"))])) as (
        _,
        enqueued,
    ):
        assert enqueued == [SESSION]
    assert "a fault of ours" in caplog.text
