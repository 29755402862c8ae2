"""Poll the connected browsers, with one request to Guacamole for all sessions."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blendersessions.model.desktop import desktop_of_connection
from blendersessions.model.errors import DomainError
from blendersessions.model.manifest import Ref

if TYPE_CHECKING:
    from blendersessions_operator.controller.context import ReconcilerContext

logger = logging.getLogger(__name__)


async def poll_tunnels(context: ReconcilerContext, seconds: float) -> None:
    """List the tunnels for ever, with a pause of `seconds` after each list."""
    while True:
        try:
            await update_tunnels(context)
        except DomainError as error:
            logger.info("The running tunnels cannot be listed: %s", error)
        except Exception:
            # An unexpected answer must not end the poll for the rest of the process's life.
            logger.exception("The poll of tunnels failed unexpectedly; it is tried again.")
        await asyncio.sleep(seconds)


async def update_tunnels(context: ReconcilerContext) -> None:
    """Record the tunnels of each session, and enqueue the sessions whose tunnels changed.

    A desktop of a pool that somebody has opened is noted too, so that it is given to nobody.
    """
    tunnels = await context.guacamole.tunnels()
    names = {record.identifier: name for name, record in context.guacamole.known_connections().items()}
    opened: dict[str, list[datetime]] = {}
    for tunnel in tunnels:
        name = names.get(tunnel.connection, "")
        if (pool := context.cache.pool_of_connection(name)) is not None:
            context.pools.opened.add(Ref("Pod", pool.namespace, desktop_of_connection(name)))
            context.queue.add(pool)
        ref = context.cache.session_of_connection(name)
        session = context.cache.session(ref) if ref is not None else None
        if session is not None:
            opened.setdefault(session.uid, []).append(datetime.fromtimestamp(tunnel.opened_at, UTC))
    changed = context.activity.set_tunnels({uid: tuple(sorted(moments)) for uid, moments in opened.items()})
    for uid in changed:
        if (ref := context.cache.session_with(uid)) is not None:
            context.queue.add(ref)
