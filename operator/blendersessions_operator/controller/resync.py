"""Refresh the caches periodically: Guacamole's, which no watch updates, and the objects that a broken watch missed."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from blendersessions.model.errors import DomainError, KindUnknown
from blendersessions_operator.controller.informer import relist_sessions_and_classes

if TYPE_CHECKING:
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.controller.sweep import Sweeper

logger = logging.getLogger(__name__)

JITTER_FRACTION = 0.1
"""Largest part by which a pause is shortened at random, so that operators do not resync at the same time."""
RELIST_CYCLES = 10
"""Sessions and classes are listed again once in this number of cycles."""


async def resync(context: ReconcilerContext, sweeper: Sweeper, seconds: float) -> None:
    """Refresh the cache of Guacamole for ever, with two requests a cycle, and enqueue the sessions that changed.

    Args:
        context: the clients and caches.
        sweeper: looks for orphans after each refresh.
        seconds: length of a cycle.

    Raises:
        KindUnknown: the definition of sessions or classes is gone.
    """
    cycle = 0
    while True:
        await asyncio.sleep(seconds * (1 - JITTER_FRACTION * random.random()))  # noqa: S311 - to spread the load
        cycle += 1
        try:
            await refresh(context, cycle)
            await sweeper.turn(context, time.monotonic())
        except KindUnknown:
            # Kopf's watches have ended, and Kopf looks for kinds to watch only at its start.
            raise
        except DomainError as error:
            logger.warning("The resync failed; the next cycle tries it again. %s", error)
        except Exception:
            # An unexpected answer must not end the resync for the rest of the process's life.
            logger.exception("The resync failed unexpectedly; the next cycle tries it again.")


async def refresh(context: ReconcilerContext, cycle: int) -> None:
    """Refresh Guacamole's connections, and by turns its users or one object that no list covers.

    After a restore of its database, and at the operator's start, the rights of all users are read once.

    The first cycle also lists sessions and classes, because Kopf's watches begin a moment after the cache was filled.
    """
    if cycle % RELIST_CYCLES == 1:
        await relist_sessions_and_classes(context)
    changed = await context.guacamole.refresh()
    if cycle % 2 or context.guacamole.rights_doubtful:
        for username in await context.guacamole.refresh_users():
            context.enqueue_sessions_of(username)
    else:
        changed |= await context.guacamole.check_next()
    changed |= await context.guacamole.check_rights()
    for name in changed:
        ref = context.cache.session_of_connection(name) or context.cache.pool_of_connection(name)
        if ref is not None:
            context.queue.add(ref)
