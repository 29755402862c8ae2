"""Reconcile one session: observe, plan and execute until nothing is left to do; then write the status."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from blendersessions.model.errors import Conflict, DomainError
from blendersessions.model.manifest import CLASS_KIND
from blendersessions_operator.controller.executor import execute
from blendersessions_operator.controller.observer import observe, other_classes
from blendersessions_operator.controller.pool_reconciler import reconcile_pool
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

MAX_ROUNDS = 12
"""Largest number of plans in one reconciliation. A start takes five or six, a deletion one. More do not converge."""


async def reconcile(context: ReconcilerContext, key: Ref) -> bool:
    """Bring one session, or the pool of one class, to its desired state.

    Args:
        context: the clients and caches.
        key: the session, or the class.

    Returns:
        Whether it is done; if not, the queue tries it again later.
    """
    if key.kind == CLASS_KIND:
        return await reconcile_pool(context, key)
    failures: dict[Area, DomainError] = {}
    for _ in range(MAX_ROUNDS):
        try:
            result = await observe(context, key, failures)
        except DomainError as error:
            logger.warning("The state is not known: %s", error, extra={"session": f"{key.namespace}/{key.name}"})
            return False
        if result is None:
            return True
        session, observed = result
        failures = dict(observed.failures)
        next_plan = plan(session, observed)
        if next_plan.empty:
            break
        failures |= await execute(context, session, next_plan)
    else:
        message = "The plans for %s do not converge; the last one is %s"
        logger.error(message, key, next_plan, extra={"session": str(key)})
        return False
    if not session.status.conditions and session.deleting and not session.has_finalizer:
        # We never did anything for it, and another controller's finalizer keeps it.
        requeue_later(context, session, observed)
    elif not await _report(context, session, observed):
        return False
    for failure in failures.values():
        logger.debug("%s", failure, extra={"session": f"{key.namespace}/{key.name}"})
    return not failures


async def _report(context: ReconcilerContext, session: Session, observed: Observed) -> bool:
    """Write the status and requeue the session; return whether that is done, or must be tried again later."""
    extra = {"session": f"{session.namespace}/{session.name}"}
    wanted = status(session, observed)
    if delay := context.debouncer.delay_seconds(session, wanted):
        context.queue.add_after(session.ref, delay)
        return True
    try:
        await write_status(context, session, wanted)
    except Conflict as conflict:
        logger.debug("The status is computed again: %s", conflict, extra=extra)
        current = context.cache.session(session.ref)
        if current is not None and current.resource_version != session.resource_version:
            # The writer has read the new version already, so its watch event will not enqueue the session.
            context.queue.add(session.ref)
            return True
        return False
    except DomainError as error:
        logger.warning("The status is not written: %s", error, extra=extra)
        return False
    if other_classes(context, session, observed.settings, observed.scene) != observed.classes:
        # The status names the classes, and one came or went before it was written. Its event did not find the session.
        context.queue.add(session.ref)
    # The new status may have begun a lifetime or freed capacity, so the requeue is computed from it.
    written = context.cache.session(session.ref)
    if written is not None:
        activity = context.activity.activity_of(written, observed.scene)
        requeue_later(context, written, replace(observed, activity=activity))
    return True


def requeue_later(context: ReconcilerContext, session: Session, observed: Observed) -> None:
    """Requeue the session for its next deadline, and enqueue the sessions whose queue position or volume changed."""
    if session.suspend_requested:
        context.activity.forget(session.uid)
    delay = requeue_after(session, observed)
    if delay is not None:
        context.queue.add_after(session.ref, delay.total_seconds())
    for ref in context.claims.changed_holders(session):
        context.queue.add(ref)
    context.enqueue_waiting()
