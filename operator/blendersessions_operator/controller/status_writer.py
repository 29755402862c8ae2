"""Write the status once for each change, and record the Events of the change."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blendersessions.model.conditions import ConditionType
from blendersessions.model.errors import Conflict, NotFound
from blendersessions.model.manifest import SESSION_KIND
from blendersessions.model.status import StartPath
from blendersessions_operator.planning.status_events import events_of_change, steps_done

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions.model.status import SessionStatus
    from blendersessions_operator.controller.context import ReconcilerContext

logger = logging.getLogger(__name__)


async def write_status(context: ReconcilerContext, session: Session, status: SessionStatus) -> None:
    """Write the status if it changed; raises the domain errors of the API server.

    The status is computed from the former one, so it is written to that version only. `Conflict` means that the session
    has changed since, for instance by an earlier write of ours whose answer was lost, or that another session has its
    name. The cache holds the current state when it is raised.
    """
    if status == session.status:
        return
    try:
        written = await context.write_status(session, status)
    except NotFound:
        context.cache.remove(session.ref, session.uid)
        return
    except Conflict:
        await context.reread(session.ref)
        raise
    context.cache.replace({"kind": SESSION_KIND} | written)
    context.debouncer.forget(session.uid)
    if (ready := status.condition(ConditionType.READY)) is not None:
        extra = {"session": f"{session.namespace}/{session.name}"}
        former = session.status.condition(ConditionType.READY)
        same = former is not None and (former.status, former.reason) == (ready.status, ready.reason)
        # The progress of a scene, for instance, is no change that a log needs.
        level = logging.DEBUG if same else logging.INFO
        logger.log(level, "Ready=%s: %s", ready.status, ready.reason, extra=extra)
    now = datetime.now(UTC)
    for step, seconds in steps_done(session.status, status, now):
        path = status.startup.path if status.startup is not None else StartPath.COLD
        context.metrics.started(path, session.spec.class_name, step, seconds)
    for event in events_of_change(session.status, status, now):
        context.events.event(session, event)
