"""Watch guacd, without which no desktop can be opened: one check for all sessions."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blendersessions.clients.guacd import check_guacd
from blendersessions.model.conditions import Reason
from blendersessions.model.errors import DomainError
from blendersessions_operator.planning.status_events import Event

if TYPE_CHECKING:
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.controller.guacd_health import GuacdHealth

logger = logging.getLogger(__name__)

RECHECK_SECONDS = 2.0
"""Longest pause after a check that failed."""


async def watch_guacd(context: ReconcilerContext, seconds: float) -> None:
    """Check guacd for ever, with a pause of `seconds` after each check that went well."""
    while True:
        await asyncio.sleep(min(seconds, RECHECK_SECONDS) if context.guacd.failures else seconds)
        await update_guacd(context)


async def settle_guacd(context: ReconcilerContext) -> None:
    """Check guacd until it is known whether it answers, so that a start of the operator changes no status twice."""
    await update_guacd(context)
    while context.guacd.failures and not context.guacd.error:
        await update_guacd(context)


async def update_guacd(context: ReconcilerContext) -> None:
    """Check guacd once. If that changes what is known, report it once, and enqueue all sessions."""
    health = context.guacd
    try:
        await check_guacd(health.host, health.port)
    except DomainError as error:
        logger.debug("A check of guacd failed: %s", error)
        changed = health.record(answered=False)
    except Exception:
        # An unexpected failure must not end the watch for the rest of the process's life.
        logger.exception("The check of guacd failed unexpectedly; it is tried again.")
        changed = health.record(answered=False)
    else:
        changed = health.record(answered=True)
    if changed:
        _report(context, health)
        for session in context.cache.sessions():
            context.queue.add(session.ref)


def _report(context: ReconcilerContext, health: GuacdHealth) -> None:
    """Log the change, and post it as an Event on the operator's own pod instead of one on each session."""
    now = datetime.now(UTC)
    if health.error:
        logger.warning("%s", health.error)
        context.events.operator_event(Event("Warning", Reason.GUACD_UNAVAILABLE, health.error, now))
    else:
        message = f"guacd at {health.host}:{health.port} answers again: desktops can be opened."
        logger.info("%s", message)
        context.events.operator_event(Event("Normal", "GuacdAvailable", message, now))
