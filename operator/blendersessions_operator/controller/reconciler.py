"""Reconcile one session: observe, plan, execute, until nothing is left to do; then report."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from blendersessions.model.errors import Conflict, DomainError
from blendersessions_operator.controller.executor import execute
from blendersessions_operator.controller.observer import observe
from blendersessions_operator.controller.status_writer import write_status
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.status import status

if TYPE_CHECKING:
    from blendersessions.model.manifest import Ref
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.steps import Area

logger = logging.getLogger(__name__)

ROUNDS = 12
"""A start takes five or six plans, a deletion one; more than this is a plan that does not converge."""


async def reconcile(context: ReconcilerContext, key: Ref) -> bool:
    """Bring one session to what it wants; return whether all is done, or it must be tried again later."""
    failures: dict[Area, DomainError] = {}
    for _ in range(ROUNDS):
        seen = await observe(context, key, failures)
        if seen is None:
            return True
        session, observed = seen
        failures = dict(observed.failures)
        todo = plan(session, observed)
        if todo.empty:
            break
        failures |= await execute(context, session, todo)
    else:
        logger.error("The plans for %s do not converge; the last one is %s", key, todo, extra={"session": str(key)})
        return False
    if session.deleting and not session.has_finalizer:
        # Somebody else's finalizer holds it. Its status is theirs by now, and its room is free.
        requeue_later(context, session, observed)
    elif not await _report(context, session, observed):
        return False
    for failure in failures.values():
        logger.debug("%s", failure, extra={"session": f"{key.namespace}/{key.name}"})
    return not failures


async def _report(context: ReconcilerContext, session: Session, observed: Observed) -> bool:
    """Write the status, and see when to look again; return whether that is done, or must be tried again later."""
    where = {"session": f"{session.namespace}/{session.name}"}
    wanted = status(session, observed)
    if wait := context.debouncer.delay_seconds(session, wanted):
        context.queue.add_after(session.ref, wait)
        return True
    try:
        await write_status(context, session, wanted)
    except Conflict as changed:
        logger.debug("The status is computed anew: %s", changed, extra=where)
        known = context.cache.session(session.ref)
        if known is not None and known.resource_version != session.resource_version:
            # What changed was read meanwhile, so that its event is no news any more.
            context.queue.add(session.ref)
            return True
        return False
    except DomainError as error:
        logger.warning("The status is not written: %s", error, extra=where)
        return False
    # The status that was just written counts from now on: it began a lifetime, or gave room back.
    written = context.cache.session(session.ref)
    if written is not None:
        requeue_later(context, written, replace(observed, activity=context.activity.activity_of(written)))
    return True


def requeue_later(context: ReconcilerContext, session: Session, observed: Observed) -> None:
    """See to it that time alone is noticed, and that those who wait for this session's room are looked at."""
    if session.suspend_requested:
        context.activity.forget(session.uid)
    later = requeue_after(session, observed)
    if later is not None:
        context.queue.add_after(session.ref, later.total_seconds())
    if observed.settings is not None:
        for ref in context.admission.changed_positions(session, observed.settings.class_limits, observed.now):
            context.queue.add(ref)
