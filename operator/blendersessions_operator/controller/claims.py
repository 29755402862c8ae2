"""Carry out the steps by which a session takes a desktop of a pool."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.model.errors import Conflict, Invalid, NotFound, SignedOut, Unauthorised
from blendersessions.model.manifest import CLASS_KIND, Ref
from blendersessions_operator.planning.warm_start import NOT_LET

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning import steps

REFILL_DELAY_SECONDS: Final = 0.25
"""A pool looks at itself this long after a claim, once for all claims in that time."""


async def claim_desktop(context: ReconcilerContext, session: Session, step: steps.ClaimDesktop) -> str:
    """Take the desktop that was offered, if it is still as it was seen.

    After a failure whose outcome is not known the offer stays, so that the next attempt finds out.
    """
    pool = Ref(CLASS_KIND, session.namespace, session.spec.class_name)
    try:
        taken = await context.kubernetes.merge(step.ref, step.patch)
    except (NotFound, Conflict):
        # What the desktop is now decides whether the offer stays. The watch brings nothing new of it any more.
        await context.reread(step.ref)
        context.queue.add_after(pool, REFILL_DELAY_SECONDS)
        return ""
    except SignedOut:
        raise
    except (Invalid, Unauthorised):
        # Something in the cluster lets no pod be taken. The session starts as it would without a pool.
        context.pools.cold[session.uid] = NOT_LET
        raise
    context.cache.put({"kind": "Pod"} | taken)
    context.pools.release(session.uid)
    context.pools.claimed(pool, datetime.now(UTC))
    context.metrics.claimed(session.namespace, session.spec.class_name)
    context.queue.add_after(pool, REFILL_DELAY_SECONDS)
    return f"Took {step.ref} from the pool."


async def take_over(context: ReconcilerContext, session: Session, step: steps.TakeOver) -> str:
    """Make the session the owner of an object, if it is still as it was seen."""
    del session
    try:
        taken = await context.kubernetes.merge(step.ref, step.patch)
    except (NotFound, Conflict):
        await context.reread(step.ref)
        return ""
    context.cache.put({"kind": step.ref.kind} | taken)
    return ""


async def open_sample(context: ReconcilerContext, session: Session, step: steps.OpenSample) -> str:
    """Begin to have a sample opened."""
    context.openings.begin(session, step.pod_uid, step.sample)
    return ""
