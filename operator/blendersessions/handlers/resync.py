"""Look again at what no watch tells: Guacamole's list each minute, and what a broken watch may have missed."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from blendersessions.handlers.store import CHILD_KINDS
from blendersessions.handlers.workqueue import backoff
from blendersessions.model.errors import DomainError, KindUnknown
from blendersessions.model.labels import SELECTOR
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Ref, ref_of

if TYPE_CHECKING:
    from blendersessions.handlers.context import World
    from blendersessions.handlers.sweep import Sweeper
    from blendersessions.model.manifest import Manifest

logger = logging.getLogger(__name__)

JITTER = 0.1
LONGEST_START_DELAY = 5.0
"""Seconds between two attempts to begin: one question, and nobody is served before."""
RELIST_CYCLES = 10
"""Kubernetes is listed anew each so many cycles: a deletion that fell into a gap of a watch is told by no event."""


async def prime(world: World) -> None:
    """Fill the store before the first reconciliation, or a restart would take what it has not seen for missing."""
    attempt = 0
    while True:
        try:
            # Kopf asks what is served once, right after this, and never watches what is not listed there then.
            await world.kubernetes.check_served(SESSION_KIND, CLASS_KIND)
            await _list(world)
        except DomainError as error:
            attempt += 1
            logger.warning("Cannot list what there is: %s", error)
            await asyncio.sleep(min(backoff(attempt), LONGEST_START_DELAY))
        else:
            return


async def relist(world: World) -> None:
    """List the objects of all sessions, and have looked at what was not known or is gone."""
    for ref in await _list(world):
        world.wake(ref)


async def _list(world: World) -> set[Ref]:
    """List the objects of all sessions, and return the sessions that it brought news of: no watch tells it again."""
    touched: set[Ref] = set()
    for kind in (CLASS_KIND, SESSION_KIND, *CHILD_KINDS):
        before = world.store.uids()
        selector = SELECTOR if kind in CHILD_KINDS else ""
        present: set[Ref] = set()
        for namespace in world.namespaces or [""]:
            async for item in world.kubernetes.list(kind, namespace, selector):
                present.add(ref_of(item))
                if world.store.put(item):
                    touched |= _concerned(world, kind, item)
        for gone in world.store.prune(kind, present, before):
            touched |= _concerned(world, kind, gone)
    return touched


def _concerned(world: World, kind: str, item: Manifest) -> set[Ref]:
    meta = item["metadata"]
    if kind == SESSION_KIND:
        return {Ref(kind, meta["namespace"], meta["name"])}
    if kind == CLASS_KIND:
        return {session.ref for session in world.store.sessions_of_class(meta["namespace"], meta["name"])}
    return world.store.sessions_of(item)


async def resync(world: World, sweeper: Sweeper, seconds: float) -> None:
    """Refresh the view of Guacamole for ever, by two requests a cycle; only what changed is looked at.

    Raises:
        KindUnknown: the definition of sessions or classes is gone.
    """
    cycle = 0
    while True:
        await asyncio.sleep(seconds * (1 - JITTER * random.random()))  # noqa: S311 - to spread the load
        cycle += 1
        try:
            await look_again(world, cycle)
            await sweeper.turn(world, time.monotonic())
        except KindUnknown:
            # Nobody watches any more, and Kopf looks for what it may watch only when it starts.
            raise
        except DomainError as error:
            logger.warning("The resync is put off: %s", error)
        except Exception:
            # An answer that nobody thought of must not end the resync for the rest of the process's life.
            logger.exception("The resync failed unexpectedly; it is tried again.")


async def look_again(world: World, cycle: int) -> None:
    """Have looked at what changed in Guacamole: connections each time, and users and what no list tells in turn.

    The first look lists Kubernetes as well, for the watches begin a moment after the store was filled.
    """
    if cycle % RELIST_CYCLES == 1:
        await relist(world)
    changed = await world.registry.refresh()
    if cycle % 2:
        for username in await world.registry.refresh_users():
            world.wake_sessions_of(username)
    else:
        changed |= await world.registry.check_next()
    for name in changed:
        ref = world.store.session_named(name)
        if ref is not None:
            world.wake(ref)
