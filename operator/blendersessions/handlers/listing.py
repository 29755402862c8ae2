"""Note what there is: from lists, at the start and when a watch has lost its place, and from what watches tell."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from blendersessions.handlers.store import CHILD_KINDS
from blendersessions.handlers.workqueue import backoff
from blendersessions.model.errors import DomainError
from blendersessions.model.labels import SELECTOR
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Ref, ref_of

if TYPE_CHECKING:
    from blendersessions.handlers.context import World
    from blendersessions.model.manifest import Manifest

logger = logging.getLogger(__name__)

LONGEST_START_DELAY = 5.0
"""Seconds between two attempts to begin: one question, and nobody is served before."""


class Place(NamedTuple):
    """A collection that is listed and watched."""

    kind: str
    namespace: str
    """Empty: all namespaces."""


async def prime(world: World) -> dict[Place, str]:
    """Fill the store before the first reconciliation, or a restart would take what it has not seen for missing.

    Returns the version of each list of what belongs to sessions, for its watch to go on from.
    """
    attempt = 0
    while True:
        try:
            # Kopf asks what is served once, right after this, and never watches what is not listed there then.
            await world.kubernetes.check_served(SESSION_KIND, CLASS_KIND)
            await relist(world)
            return {place: await list_anew(world, place) for kind in CHILD_KINDS for place in places(world, kind)}
        except DomainError as error:
            attempt += 1
            logger.warning("Cannot list what there is: %s", error)
            await asyncio.sleep(min(backoff(attempt), LONGEST_START_DELAY))


async def relist(world: World) -> None:
    """List sessions and classes: Kopf begins a watch from a list of its own, which does not tell what is gone."""
    for kind in (CLASS_KIND, SESSION_KIND):
        for place in places(world, kind):
            await list_anew(world, place)


def places(world: World, kind: str) -> list[Place]:
    """Return where objects of a kind are that concern this operator."""
    return [Place(kind, namespace) for namespace in world.namespaces or [""]]


async def list_anew(world: World, place: Place) -> str:
    """List a collection; return its version. Sessions that it brings news of are looked at: no watch tells it again."""
    before = world.store.uids(*place)
    present: set[Ref] = set()
    version = ""
    selector = SELECTOR if place.kind in CHILD_KINDS else ""
    async for page in world.kubernetes.pages(place.kind, place.namespace, selector):
        version = page.version
        for item in page.items:
            present.add(ref_of(item))
            if world.store.put(item):
                wake_concerned(world, item)
    for gone in world.store.prune(present, before):
        wake_concerned(world, gone)
    return version


def note(world: World, manifest: Manifest, *, gone: bool) -> None:
    """Note what a watch tells of an object, and have the sessions that it concerns looked at if that is news."""
    if gone:
        world.store.remove(ref_of(manifest), manifest["metadata"]["uid"])
    elif not world.store.put(manifest):
        return
    wake_concerned(world, manifest)


def wake_concerned(world: World, item: Manifest) -> None:
    """Have the sessions looked at that an object is, or is about."""
    ref = ref_of(item)
    if ref.kind == SESSION_KIND:
        world.wake(ref)
    elif ref.kind == CLASS_KIND:
        # There may be room or other terms for them.
        for session in world.store.sessions_of_class(ref.namespace, ref.name):
            world.wake(session.ref)
    else:
        for concerned in world.store.sessions_of(item):
            world.wake(concerned)
