"""Reconcile one session: observe, plan, execute, until nothing is left to do; then report."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blendersessions.handlers.execute import execute
from blendersessions.handlers.observe import observe
from blendersessions.handlers.report import report
from blendersessions.model.errors import Conflict, DomainError
from blendersessions.planning.plan import next_look, plan
from blendersessions.planning.status import status

if TYPE_CHECKING:
    from blendersessions.handlers.context import World
    from blendersessions.model.manifest import Ref
    from blendersessions.model.session import Session
    from blendersessions.planning.observed import Observed
    from blendersessions.planning.steps import Part

logger = logging.getLogger(__name__)

ROUNDS = 12
"""A start takes five or six plans, a deletion one; more than this is a plan that does not converge."""


async def reconcile(world: World, key: Ref) -> bool:
    """Bring one session to what it wants; return whether all is done, or it must be tried again later."""
    failures: dict[Part, DomainError] = {}
    for _ in range(ROUNDS):
        session = world.store.session(key)
        if session is None:
            return True
        todo = plan(session, observe(world, session, failures, datetime.now(UTC)))
        if todo.empty:
            break
        failures |= await execute(world, session, todo)
    else:
        logger.error("The plans for %s do not converge; the last one is %s", key, todo, extra={"session": str(key)})
        return False
    session = world.store.session(key)
    if session is None:
        return True
    observed = observe(world, session, failures, datetime.now(UTC))
    if session.deleting and not session.has_finalizer:
        # Somebody else's finalizer holds it. Its status is theirs by now, and its room is free.
        look_later(world, session, observed)
    elif not await _report(world, session, observed):
        return False
    for failure in failures.values():
        logger.debug("%s", failure, extra={"session": f"{key.namespace}/{key.name}"})
    return not failures


async def _report(world: World, session: Session, observed: Observed) -> bool:
    """Write the status, and see when to look again; return whether that is done, or must be tried again later."""
    where = {"session": f"{session.namespace}/{session.name}"}
    wanted = status(session, observed)
    if wait := world.settling.left(session, wanted):
        world.wake_after(session.ref, wait)
        return True
    try:
        await report(world, session, wanted)
    except Conflict as changed:
        logger.debug("The status is computed anew: %s", changed, extra=where)
        known = world.store.session(session.ref)
        if known is not None and known.resource_version != session.resource_version:
            # What changed was read meanwhile, so that its event is no news any more.
            world.wake(session.ref)
            return True
        return False
    except DomainError as error:
        logger.warning("The status is not written: %s", error, extra=where)
        return False
    # The status that was just written counts from now on: it began a lifetime, or gave room back.
    written = world.store.session(session.ref)
    if written is not None:
        look_later(world, written, replace(observed, activity=world.activities.of(written)))
    return True


def look_later(world: World, session: Session, observed: Observed) -> None:
    """See to it that time alone is noticed, and that those who wait for this session's room are looked at."""
    if session.resting:
        world.activities.forget(session.uid)
    later = next_look(session, observed)
    if later is not None:
        world.wake_after(session.ref, later.total_seconds())
    if observed.terms is not None:
        for ref in world.admissions.news(session, observed.terms.class_limits, observed.now):
            world.wake(ref)
