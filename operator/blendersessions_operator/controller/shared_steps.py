"""Carry out what plans of sessions and plans of pools have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.errors import Conflict, Invalid, System
from blendersessions.model.manifest import ref_of
from blendersessions_operator.resources.network_policy import is_in_force

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning import steps


async def apply_policy(context: ReconcilerContext, of: object, step: steps.ApplyPolicy) -> str:
    """Apply a policy; raises `Invalid` if the cluster's admission made other rules of it."""
    del of
    ref = ref_of(step.manifest)
    if is_in_force(context.cache.get(ref), step.manifest):
        # Another session of the namespace was first.
        return ""
    applied = {"kind": ref.kind} | await context.kubernetes.apply(step.manifest)
    context.cache.put(applied)
    if not is_in_force(applied, step.manifest):
        message = f"{ref}: an admission policy of the cluster changed its rules."
        raise Invalid(message, System.KUBERNETES)
    return f"Applied {ref}."


async def create_connection(context: ReconcilerContext, of: object, step: steps.CreateConnection) -> str:
    """Create a connection of a session, or of a desktop that waits in a pool."""
    del of
    await context.guacamole.create_connection(step.spec)
    return f"Registered the connection {step.spec.name} in Guacamole."


async def revoke(context: ReconcilerContext, of: object, step: steps.Revoke) -> str:
    """Revoke a right on a connection of a session, or of a desktop that waits in a pool."""
    del of
    closed = await context.guacamole.revoke(step.username, step.connection)
    return f"Revoked the connection {step.connection} from the user {step.username}, and closed {closed} tunnels."


async def remove_connection(context: ReconcilerContext, of: object, step: steps.RemoveConnection) -> str:
    """Remove a connection of a session, or of a desktop that waits in a pool."""
    del of
    known = step.name in context.guacamole.view(step.access).connections
    closed = await context.guacamole.remove_connection(step.name, step.access)
    return f"Removed the connection {step.name} from Guacamole, and closed {closed} tunnels." if known else ""


async def create(context: ReconcilerContext, manifest: Manifest, is_ours: Callable[[Manifest], bool]) -> bool:
    """Create an object. An existing one is adopted if it is ours: made before a crash, or not in the cache yet.

    Args:
        context: the clients and caches.
        manifest: the object.
        is_ours: whether an object of its name, which was not expected, is the one that was to be made.

    Returns:
        Whether it was created.

    Raises:
        Conflict: one of its name is there that is not ours.
    """
    ref = ref_of(manifest)
    try:
        created = await context.kubernetes.create(manifest)
    except Conflict:
        existing = {"kind": ref.kind} | await context.kubernetes.get(ref)
        if not is_ours(existing):
            raise
        context.cache.put(existing)
        return False
    context.cache.put({"kind": ref.kind} | created)
    return True
