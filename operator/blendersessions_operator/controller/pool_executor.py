"""Carry out the steps of a pool's plan, and cache the API server's answers."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from blendersessions.model.desktop import Desktop
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.errors import Conflict, DomainError, Invalid, NotFound, SignedOut, System, Unauthorised
from blendersessions.model.manifest import Ref
from blendersessions.model.names import name_for
from blendersessions.model.warm_pool import pool_of
from blendersessions_operator.controller.credentials import new_desktop_credentials
from blendersessions_operator.controller.failures import gather_failures
from blendersessions_operator.controller.pools import REFUSAL_PAUSE, Refusal
from blendersessions_operator.controller.shared_steps import (
    apply_policy,
    create,
    create_connection,
    remove_connection,
    revoke,
)
from blendersessions_operator.planning import pool_steps, steps
from blendersessions_operator.planning.class_files import class_files_refusal
from blendersessions_operator.planning.observed import belongs_to
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.pool_desktop import pool_pod, pool_secret, typical_session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.pool import PoolPlan
    from blendersessions_operator.planning.pool_steps import PoolStep

logger = logging.getLogger(__name__)

REMOVAL_GRACE_SECONDS: Final = 1
"""How long a desktop of a pool may take to end. Nobody has worked in it, so nothing is left to save."""


async def execute_pool(context: ReconcilerContext, key: Ref, plan: PoolPlan) -> dict[Area, DomainError]:
    """Carry out a plan; return the failures by area."""
    failures: dict[Area, DomainError] = {}
    # Another pool must not make room for the same sessions meanwhile.
    context.pools.serve(step.makes_room_for for step in plan.steps if isinstance(step, pool_steps.RemoveDesktop))
    if any(isinstance(step, pool_steps.MakeDesktop) for step in plan.steps):
        failures = await gather_failures([(Area.DESKTOP, _read_class_files(context, key))])
    made = [step for step in plan.steps if isinstance(step, pool_steps.MakeDesktop)]
    others = [step for step in plan.steps if not isinstance(step, pool_steps.MakeDesktop)]
    failures |= await _carry_out(context, key, others)
    for batch in _batches(made):
        if Area.DESKTOP in failures or context.pools.refusal(key, datetime.now(UTC)) is not None:
            break
        failures |= await _carry_out(context, key, batch)
    return failures


async def _carry_out(context: ReconcilerContext, key: Ref, side_by_side: Sequence[PoolStep]) -> dict[Area, DomainError]:
    return await gather_failures((step.area, _attempt(context, key, step)) for step in side_by_side)


def _batches(made: Sequence[PoolStep]) -> Iterator[list[PoolStep]]:
    """Return one step, then two, then four: where one is refused, few more are."""
    size = 1
    while made:
        yield list(made[:size])
        made, size = made[size:], 2 * size


async def _attempt(context: ReconcilerContext, key: Ref, step: PoolStep) -> None:
    change = await HANDLERS[type(step)](context, key, step)
    if change:
        logger.info("%s", change, extra={"pool": f"{key.namespace}/{key.name}"})


async def _read_class_files(context: ReconcilerContext, key: Ref) -> None:
    """Refuse the class if its files cannot be brought in: each start reads them, as one of a session does."""
    of = context.cache.session_class(key.namespace, key.name)
    for source in of.spec.files if of is not None else ():
        try:
            found = await context.kubernetes.get(Ref(source.kind, key.namespace, source.name))
        except NotFound:
            found = None
        if of is not None and (refused := class_files_refusal(typical_session(of), source, found)) is not None:
            _refuse(context, key, refused.message)


def _refuse(context: ReconcilerContext, key: Ref, message: str) -> None:
    now = datetime.now(UTC)
    is_news = context.pools.refusal(key, now) is None
    context.pools.refusals[key] = Refusal(now + REFUSAL_PAUSE, message)
    if is_news:
        logger.warning("No desktop is made: %s", message, extra={"pool": f"{key.namespace}/{key.name}"})


async def _make_desktop(context: ReconcilerContext, key: Ref, step: pool_steps.MakeDesktop) -> str:
    """Make a pod under a name that no session's UID gives. A refusal is remembered, since it may last."""
    del step
    of = context.cache.session_class(key.namespace, key.name)
    if of is None or not of.uid or context.pools.refusal(key, datetime.now(UTC)) is not None:
        return ""
    settings = effective_settings(typical_session(of), of, context.installation)
    desktop = Desktop(key.namespace, name_for(str(uuid.uuid4())))
    try:
        created = await context.kubernetes.create(pool_pod(desktop, of, settings))
    except SignedOut:
        raise
    except (Unauthorised, Invalid) as refused:
        _refuse(context, key, f"{refused} Make the pool smaller, or give the namespace more room.")
        return ""
    context.cache.put({"kind": "Pod"} | created)
    return f"Created {desktop.ref('Pod')} for the pool."


async def _make_secret(context: ReconcilerContext, key: Ref, step: pool_steps.MakeSecret) -> str:
    del key
    return await _create(context, pool_secret(step.pod, new_desktop_credentials()), step.pod)


async def _make_service(context: ReconcilerContext, key: Ref, step: pool_steps.MakeService) -> str:
    del key
    return await _create(context, step.manifest, step.pod)


async def _remove_desktop(context: ReconcilerContext, key: Ref, step: pool_steps.RemoveDesktop) -> str:
    """Delete the version that was seen. If it has changed since, a session may have it, and the next plan decides."""
    gone = False
    try:
        await context.kubernetes.delete(step.ref, step.uid, REMOVAL_GRACE_SECONDS, step.resource_version)
        await context.reread(step.ref)
        pod = context.cache.get(step.ref)
        gone = pod is None or bool(pod["metadata"].get("deletionTimestamp"))
        if pod is None:
            # A watch that begins anew never tells of a pod that came and went before it.
            context.pools.departed[key].add(step.ref.name)
    finally:
        if not gone:
            # Another desktop makes room for the session.
            context.pools.serve([step.makes_room_for], served=False)
    return f"Removed {step.ref} from the pool." if gone else ""


async def _remove_stray(context: ReconcilerContext, key: Ref, step: pool_steps.RemoveStray) -> str:
    """Delete a pod that the cache does not have. If it changes meanwhile, it is tried again."""
    change = ""
    if version := await _version_of_stray(context, key, step):
        await context.kubernetes.delete(step.ref, step.uid, REMOVAL_GRACE_SECONDS, version)
        if await _version_of_stray(context, key, step):
            raise Conflict(f"{step.ref} has changed, and is not deleted yet.", System.KUBERNETES)
        change = f"Removed {step.ref}, which had lost its label."
    context.pools.strays[key].discard((step.ref, step.uid))
    if not context.pools.strays[key]:
        del context.pools.strays[key]
    return change


async def _version_of_stray(context: ReconcilerContext, key: Ref, step: pool_steps.RemoveStray) -> str:
    """Return the version of a pod that still is its class's and is not being deleted; empty if it is not so."""
    try:
        pod = await context.kubernetes.get(step.ref)
    except NotFound:
        return ""
    meta = pod["metadata"]
    waits = meta["uid"] == step.uid and pool_of(pod) == key.name and not meta.get("deletionTimestamp")
    return str(meta["resourceVersion"]) if waits else ""


async def _create(context: ReconcilerContext, manifest: Manifest, pod: Manifest) -> str:
    """Create an object of a pod. One that is not its goes with a former owner, or somebody took the name."""
    await create(context, manifest, lambda existing: belongs_to(existing, pod))
    return ""


Handler: TypeAlias = "Callable[[ReconcilerContext, Ref, Any], Awaitable[str]]"
"""Carries out one step, and returns a log message about the change; empty if it needs none."""

HANDLERS: Final[dict[type[PoolStep], Handler]] = {
    pool_steps.MakeDesktop: _make_desktop,
    pool_steps.MakeSecret: _make_secret,
    pool_steps.MakeService: _make_service,
    pool_steps.RemoveDesktop: _remove_desktop,
    pool_steps.RemoveStray: _remove_stray,
    steps.ApplyPolicy: apply_policy,
    steps.CreateConnection: create_connection,
    steps.RemoveConnection: remove_connection,
    steps.Revoke: revoke,
}
