"""What a list of Kubernetes brings to light."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from blendersessions.gateways.kubernetes import Page
from blendersessions.handlers.context import World
from blendersessions.handlers.listing import Place, list_anew, prime, relist
from blendersessions.handlers.resync import look_again
from blendersessions.handlers.store import CHILD_KINDS
from blendersessions.model.errors import KindUnknown, Unavailable
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref
from unit.operator.worlds import PROFILE, body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blendersessions.gateways.guacamole.registry import Registry
    from blendersessions.gateways.kubernetes import Kubernetes

KEY = Ref(SESSION_KIND, "art", "cart")


class FakeApi:
    """Lists what it holds, once what it serves is known."""

    def __init__(self, *objects: Manifest) -> None:
        self.objects = objects
        self.unknown = 0
        self.breaks = False

    async def check_served(self, *kinds: str) -> None:
        if self.unknown:
            self.unknown -= 1
            raise KindUnknown(f"The API server does not know {kinds[0]}.", system="Kubernetes")

    async def pages(self, kind: str, *_: str) -> AsyncIterator[Page]:
        yield Page("7", [each for each in self.objects if each["kind"] == kind])
        if self.breaks:
            self.breaks = False
            raise Unavailable("the second page does not come", system="Kubernetes")


class NoNews:
    """A Guacamole in which nothing changes."""

    async def refresh(self) -> set[str]:
        return set()

    async def refresh_users(self) -> set[str]:
        return set()


def world_of(api: FakeApi) -> tuple[World, list[Ref]]:
    woken: list[Ref] = []
    world = World(
        kubernetes=cast("Kubernetes", api),
        registry=cast("Registry", NoNews()),
        profile=PROFILE,
        namespaces=[],
        wake=woken.append,
        wake_after=lambda *_: None,
    )
    return world, woken


async def test_a_session_that_a_list_tells_of_before_the_watch_does_is_looked_at() -> None:
    """The watch's event is no news any more then, and wakes nobody."""
    world, woken = world_of(FakeApi(body()))
    await look_again(world, 1)
    assert woken == [KEY]
    await look_again(world, 1)
    assert woken == [KEY], "the second list brings nothing new"


async def test_what_half_a_list_told_is_looked_at() -> None:
    """The next list finds it known, so that it is no news any more."""
    api = FakeApi(body())
    world, woken = world_of(api)
    await relist(world)
    woken.clear()
    api.objects = (body() | {"metadata": body()["metadata"] | {"resourceVersion": "9000"}},)
    api.breaks = True
    with pytest.raises(Unavailable):
        await list_anew(world, Place(SESSION_KIND, ""))
    await list_anew(world, Place(SESSION_KIND, ""))
    assert woken == [KEY]


async def test_the_sessions_of_a_class_are_looked_at_when_a_list_tells_of_it() -> None:
    of = {
        "kind": CLASS_KIND,
        "metadata": {"name": "default", "namespace": "art", "uid": "class", "resourceVersion": "9"},
    }
    api = FakeApi(body())
    world, woken = world_of(api)
    await look_again(world, 1)
    api.objects += (of | {"spec": {}},)
    await look_again(world, 1)
    assert woken == [KEY, KEY]


async def test_the_operator_waits_until_the_api_server_lists_our_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kopf would watch nothing, for ever, when it asked before."""
    monkeypatch.setattr("blendersessions.handlers.listing.LONGEST_START_DELAY", 0.0)
    api = FakeApi(body())
    api.unknown = 2
    world, woken = world_of(api)
    versions = await prime(world)
    assert versions == {Place(kind, ""): "7" for kind in CHILD_KINDS}
    assert api.unknown == 0
    assert world.store.session(KEY) is not None
    assert woken == [KEY], "whatever there is at the start is looked at"
