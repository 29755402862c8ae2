"""Reconcile one pool: observe, plan and execute until nothing is left to do; then write what it is like."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from blendersessions.model.errors import Conflict, DomainError, NotFound
from blendersessions.model.manifest import API_VERSION, CLASS_KIND
from blendersessions_operator.controller.pool_executor import execute_pool
from blendersessions_operator.controller.pool_observer import observe_pool
from blendersessions_operator.planning.pool import plan_pool, requeue_pool_after
from blendersessions_operator.planning.pool_status import pool_status

if TYPE_CHECKING:
    from blendersessions.model.manifest import Ref
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.pool_observed import PoolObserved
    from blendersessions_operator.planning.steps import Area

logger = logging.getLogger(__name__)

MAX_ROUNDS: Final = 8
"""Largest number of plans in one reconciliation. A desktop takes three."""


async def reconcile_pool(context: ReconcilerContext, key: Ref) -> bool:
    """Bring one pool to what its class wants.

    Args:
        context: the clients and caches.
        key: the class.

    Returns:
        Whether it is done; if not, the queue tries it again later.
    """
    try:
        observed, settled = await _work(context, key)
    except DomainError as error:
        logger.warning("The state is not known: %s", error, extra={"pool": f"{key.namespace}/{key.name}"})
        return False
    done = await _report(context, key, observed)
    if (delay := requeue_pool_after(observed)) is not None:
        context.queue.add_after(key, delay.total_seconds())
    for failure in observed.failures.values():
        logger.debug("%s", failure, extra={"pool": f"{key.namespace}/{key.name}"})
    return done and settled and not observed.failures


async def _work(context: ReconcilerContext, key: Ref) -> tuple[PoolObserved, bool]:
    """Plan and execute until nothing is left to do; return what is there then, and whether nothing is left to do.

    Raises:
        DomainError: the state is not known.
    """
    failures: dict[Area, DomainError] = {}
    former = None
    for _ in range(MAX_ROUNDS):
        observed = await observe_pool(context, key, failures)
        failures = dict(observed.failures)
        plan = plan_pool(observed)
        if not plan.steps:
            return observed, True
        if plan == former:
            message = "The same steps come again, and are tried again later; the first is %s"
            logger.warning(message, plan.steps[0], extra={"pool": f"{key.namespace}/{key.name}"})
            return observed, False
        former = plan
        failures |= await execute_pool(context, key, plan)
    # While it fills, its desktops may become ready as fast as others are made.
    logger.debug("The pool still changes, and is looked at again.", extra={"pool": f"{key.namespace}/{key.name}"})
    return await observe_pool(context, key, failures), False


async def _report(context: ReconcilerContext, key: Ref, observed: PoolObserved) -> bool:
    """Write the pool's status if it changed; return whether that is done, or must be tried again later."""
    of = context.cache.session_class(key.namespace, key.name)
    if of is None or not of.uid:
        return True
    wanted = pool_status(replace(observed, session_class=of))
    if wanted == of.pool_status:
        return True
    metadata = {"namespace": key.namespace, "name": key.name, "uid": of.uid, "resourceVersion": of.resource_version}
    status = {"warmPool": wanted.to_manifest()} if wanted is not None else {}
    manifest = {"apiVersion": API_VERSION, "kind": CLASS_KIND, "metadata": metadata, "status": status}
    extra = {"pool": f"{key.namespace}/{key.name}"}
    try:
        written = await context.kubernetes.replace(manifest, "status")
    except NotFound:
        return True
    except Conflict as conflict:
        logger.debug("The pool's status is computed again: %s", conflict, extra=extra)
        return False
    except DomainError as error:
        logger.warning("The pool's status is not written: %s", error, extra=extra)
        return False
    context.cache.replace({"kind": CLASS_KIND} | written)
    former = of.pool_status.reason if of.pool_status is not None else ""
    if wanted is not None and wanted.reason != former:
        logger.info("The pool is %s: %s", wanted.reason, wanted.message, extra=extra)
    return True
