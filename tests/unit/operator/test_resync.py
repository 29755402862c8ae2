"""Lists of Kubernetes enqueue the sessions whose changes no watch has shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.kubernetes.reflector import Collection
from blendersessions.model.errors import KindUnknown, System, Unavailable
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref, ref_of
from blendersessions_operator.controller.cache import CHILD_KINDS
from blendersessions_operator.controller.informer import relist, relist_sessions_and_classes, sync_caches
from blendersessions_operator.controller.resync import refresh
from unit.operator.api_server import Server
from unit.operator.contexts import context_of
from unit.operator.factories import body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blendersessions.clients.kubernetes.answers import Page
    from blendersessions_operator.controller.context import ReconcilerContext


KEY = Ref(SESSION_KIND, "art", "cart")


class StartingServer(Server):
    """An API server that does not serve its kinds at first, and whose list may break off."""

    def __init__(self, *objects: Manifest) -> None:
        super().__init__(*objects)
        self.unknown = 0
        self.breaks = False

    async def check_served(self, *kinds: str) -> None:
        if self.unknown:
            self.unknown -= 1
            raise KindUnknown(f"The API server does not know {kinds[0]}.", System.KUBERNETES)

    async def pages(self, kind: str, namespace: str = "", selector: str = "") -> AsyncIterator[Page]:
        async for page in super().pages(kind, namespace, selector):
            yield page
        if self.breaks:
            self.breaks = False
            raise Unavailable("the second page does not come", System.KUBERNETES)


class NoNews:
    """A Guacamole in which nothing changes."""

    rights_doubtful = False

    async def refresh(self) -> set[str]:
        return set()

    async def check_rights(self) -> set[str]:
        return set()

    async def refresh_users(self) -> set[str]:
        return set()


def context_over(api: StartingServer) -> tuple[ReconcilerContext, list[Ref]]:
    context, queue = context_of(api, NoNews())
    return context, queue.added


async def test_a_session_that_a_list_shows_before_the_watch_is_enqueued() -> None:
    """The watch's event changes nothing any more then, and enqueues no session."""
    context, enqueued = context_over(StartingServer(body()))
    await refresh(context, 1)
    assert enqueued == [KEY]
    await refresh(context, 1)
    assert enqueued == [KEY], "the second list brings nothing new"


async def test_what_an_interrupted_list_showed_is_enqueued() -> None:
    """The next list finds it in the cache, so it is no change any more."""
    api = StartingServer(body())
    context, enqueued = context_over(api)
    await relist_sessions_and_classes(context)
    enqueued.clear()
    api.objects[KEY]["metadata"]["resourceVersion"] = "9000"
    api.breaks = True
    with pytest.raises(Unavailable):
        await relist(context, Collection(SESSION_KIND, ""))
    await relist(context, Collection(SESSION_KIND, ""))
    assert enqueued == [KEY]


async def test_the_sessions_of_a_class_are_enqueued_when_a_list_shows_it() -> None:
    of = {
        "kind": CLASS_KIND,
        "metadata": {"name": "default", "namespace": "art", "uid": "class", "resourceVersion": "9"},
    }
    api = StartingServer(body())
    context, enqueued = context_over(api)
    await refresh(context, 1)
    api.objects[ref_of(of)] = of | {"spec": {}}
    await refresh(context, 1)
    assert enqueued == [KEY, KEY]


async def test_the_operator_waits_until_the_api_server_lists_our_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kopf would watch nothing for ever if it started before that."""
    monkeypatch.setattr("blendersessions_operator.controller.informer.MAX_SYNC_DELAY_SECONDS", 0.0)
    api = StartingServer(body())
    api.unknown = 2
    context, enqueued = context_over(api)
    versions = await sync_caches(context)
    assert versions == {Collection(kind, ""): str(api.version) for kind in CHILD_KINDS}
    assert api.unknown == 0
    assert context.cache.session(KEY) is not None
    assert enqueued == [KEY], "whatever there is at the start is looked at"
