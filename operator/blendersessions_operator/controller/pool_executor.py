"""Carry out the steps of a pool's plan, and cache the API server's answers."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from blendersessions.model.desktop import Desktop
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.errors import Conflict, DomainError, Invalid, NotFound, System, Unauthorised
from blendersessions.model.manifest import Ref, ref_of
from blendersessions.model.names import name_for
from blendersessions_operator.controller.credentials import new_desktop_credentials
from blendersessions_operator.controller.failures import gather_failures
from blendersessions_operator.controller.pools import REFUSAL_PAUSE, Refusal
from blendersessions_operator.planning import pool_steps, steps
from blendersessions_operator.planning.class_files import class_files_refusal
from blendersessions_operator.planning.pool_observed import belongs_to
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import is_in_force
from blendersessions_operator.resources.pool_desktop import pool_pod, pool_secret, typical_session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.pool import PoolPlan
    from blendersessions_operator.planning.pool_steps import PoolStep

logger = logging.getLogger(__name__)

REMOVAL_GRACE_SECONDS: Final = 1
"""How long a desktop of a pool may take to end. Nobody has worked in it, so nothing is left to save."""


async def execute_pool(context: ReconcilerContext, key: Ref, plan: PoolPlan) -> dict[Area, DomainError]:
    """Carry out a plan; return the failures by area."""
    if any(isinstance(step, pool_steps.MakeDesktop) for step in plan.steps):
        failures = await gather_failures([(Area.DESKTOP, _read_class_files(context, key))])
        if failures:
            return failures
    return await gather_failures((step.area, _attempt(context, key, step)) for step in plan.steps)


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
    context.pools.refusals[key] = Refusal(datetime.now(UTC) + REFUSAL_PAUSE, message)
    logger.warning("No desktop is made: %s", message, extra={"pool": f"{key.namespace}/{key.name}"})


async def _make_desktop(context: ReconcilerContext, key: Ref, step: pool_steps.MakeDesktop) -> str:
    """Make a pod under a name that no session's UID gives. A refusal is remembered, since it may last."""
    del step
    of = context.cache.session_class(key.namespace, key.name)
    if of is None or not of.uid or context.pools.refusals.get(key) is not None:
        return ""
    settings = effective_settings(typical_session(of), of, context.installation)
    desktop = Desktop(key.namespace, name_for(str(uuid.uuid4())))
    try:
        created = await context.kubernetes.create(pool_pod(desktop, of, settings))
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
    del key
    await context.kubernetes.delete(step.ref, step.uid, REMOVAL_GRACE_SECONDS, step.resource_version)
    await context.reread(step.ref)
    return f"Removed {step.ref} from the pool."


async def _forget_desktop(context: ReconcilerContext, key: Ref, step: pool_steps.ForgetDesktop) -> str:
    for name in step.access.connections:
        await context.guacamole.remove_connection(name, step.access)
    context.cache.pools.forget(key, step.name)
    return ""


async def _apply_policy(context: ReconcilerContext, key: Ref, step: steps.ApplyPolicy) -> str:
    del key
    ref = ref_of(step.manifest)
    if is_in_force(context.cache.get(ref), step.manifest):
        return ""
    applied = {"kind": ref.kind} | await context.kubernetes.apply(step.manifest)
    context.cache.put(applied)
    if not is_in_force(applied, step.manifest):
        raise Invalid(f"{ref}: an admission policy of the cluster changed its rules.", System.KUBERNETES)
    return f"Applied {ref}."


async def _create_connection(context: ReconcilerContext, key: Ref, step: steps.CreateConnection) -> str:
    del key
    await context.guacamole.create_connection(step.spec)
    return ""


async def _remove_connection(context: ReconcilerContext, key: Ref, step: steps.RemoveConnection) -> str:
    del key
    await context.guacamole.remove_connection(step.name, step.access)
    return ""


async def _revoke(context: ReconcilerContext, key: Ref, step: steps.Revoke) -> str:
    del key
    closed = await context.guacamole.revoke(step.username, step.connection)
    return f"Revoked {step.connection}, which nobody has taken, from {step.username}, and closed {closed} tunnels."


async def _create(context: ReconcilerContext, manifest: Manifest, pod: Manifest) -> str:
    """Create an object of a pod. An existing one is left alone: it is this pod's, or the pod is removed as unfit."""
    ref = ref_of(manifest)
    try:
        created = await context.kubernetes.create(manifest)
    except Conflict:
        existing = {"kind": ref.kind} | await context.kubernetes.get(ref)
        if not belongs_to(existing, pod):
            # It goes with a former owner, or somebody took the name.
            raise
        context.cache.put(existing)
        return ""
    context.cache.put({"kind": ref.kind} | created)
    return ""


Handler: TypeAlias = "Callable[[ReconcilerContext, Ref, Any], Awaitable[str]]"
"""Carries out one step, and returns a log message about the change; empty if it needs none."""

HANDLERS: Final[dict[type[PoolStep], Handler]] = {
    pool_steps.MakeDesktop: _make_desktop,
    pool_steps.MakeSecret: _make_secret,
    pool_steps.MakeService: _make_service,
    pool_steps.RemoveDesktop: _remove_desktop,
    pool_steps.ForgetDesktop: _forget_desktop,
    steps.ApplyPolicy: _apply_policy,
    steps.CreateConnection: _create_connection,
    steps.RemoveConnection: _remove_connection,
    steps.Revoke: _revoke,
}
