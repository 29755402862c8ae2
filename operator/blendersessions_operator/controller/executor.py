"""Carry out the steps of a plan, and cache the API server's answers."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from blendersessions.model import labels
from blendersessions.model.errors import Conflict, DomainError, KindUnknown, NameTaken, NotFound, System
from blendersessions.model.manifest import SESSION_KIND, Manifest, Ref, controller_uid, ref_of
from blendersessions.model.names import user_secret_name
from blendersessions.model.secret_data import decode
from blendersessions_operator.controller.claims import claim_desktop, open_sample, take_over
from blendersessions_operator.controller.credentials import new_desktop_credentials, new_user_password
from blendersessions_operator.controller.failures import gather_failures
from blendersessions_operator.controller.kept_fields import MAX_FINALIZERS
from blendersessions_operator.controller.shared_steps import (
    apply_policy,
    create,
    create_connection,
    remove_connection,
    revoke,
)
from blendersessions_operator.controller.status_writer import write_status
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.observed import is_user_secret
from blendersessions_operator.planning.status import with_save, with_suspension
from blendersessions_operator.planning.status_events import Event
from blendersessions_operator.resources.secret import desktop_secret, user_secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.plan import Plan
    from blendersessions_operator.planning.steps import Area, Step

logger = logging.getLogger(__name__)

NOTICE_SECONDS: Final = 24 * 3600.0
"""Longest time of a notice. It goes when somebody works in the desktop."""


async def execute(context: ReconcilerContext, session: Session, plan: Plan) -> dict[Area, DomainError]:
    """Carry out a plan; return the failures by area. No further stage begins after a failure."""
    failures: dict[Area, DomainError] = {}
    for stage in plan.stages:
        if failures:
            break
        failures = await gather_failures((step.area, _attempt(context, session, step)) for step in stage)
    return failures


async def _attempt(context: ReconcilerContext, session: Session, step: Step) -> None:
    change = await HANDLERS[type(step)](context, session, step)
    if change:
        logger.info("%s", change, extra={"session": f"{session.namespace}/{session.name}"})


async def _create_object(context: ReconcilerContext, session: Session, step: steps.CreateObject) -> str:
    return await _create(context, session, step.manifest)


async def _create_desktop_secret(context: ReconcilerContext, session: Session, step: steps.CreateDesktopSecret) -> str:
    del step
    return await _create(context, session, desktop_secret(session.desktop, session, new_desktop_credentials()))


async def _complete_desktop_secret(
    context: ReconcilerContext, session: Session, step: steps.CompleteDesktopSecret
) -> str:
    drawn = desktop_secret(session.desktop, session, new_desktop_credentials())["data"]
    manifest = step.manifest | {"data": drawn | step.manifest["data"]}
    await _update(context, ref_of(manifest), context.kubernetes.apply(manifest))
    return f"Repaired {ref_of(manifest)}."


async def _create_user_secret(context: ReconcilerContext, session: Session, step: steps.CreateUserSecret) -> str:
    return await _create(context, session, user_secret(session, step.username, new_user_password()))


async def _apply_object(context: ReconcilerContext, session: Session, step: steps.ApplyObject) -> str:
    ref = ref_of(step.manifest)
    context.alterations.check(session.uid, step.manifest, context.cache.get(ref))
    answer = await _update(context, ref, context.kubernetes.apply(step.manifest))
    context.alterations.note(session.uid, step.manifest, answer)
    return f"Repaired {ref}."


async def _annotate_object(context: ReconcilerContext, session: Session, step: steps.AnnotateObject) -> str:
    ref, metadata = ref_of(step.manifest), step.manifest["metadata"]
    patch = {"metadata": {"uid": metadata["uid"], "annotations": metadata["annotations"]}}
    context.alterations.check(session.uid, step.manifest, context.cache.get(ref))
    answer = await _update(context, ref, context.kubernetes.merge(ref, patch))
    context.alterations.note(session.uid, step.manifest, answer)
    return ""


async def _delete_object(context: ReconcilerContext, session: Session, step: steps.DeleteObject) -> str:
    del session
    await context.kubernetes.delete(step.ref, step.uid, step.grace_seconds)
    # The object may stay for a while: a pod has a grace period, and any object may have a finalizer.
    await context.reread(step.ref)
    return f"Deleted {step.ref}."


async def _record_termination(context: ReconcilerContext, session: Session, step: steps.RecordTermination) -> str:
    await write_status(context, session, replace(session.status, last_termination=step.termination))
    return f"The desktop ended ({step.termination.reason}): {step.termination.message}"


async def _tell_termination(context: ReconcilerContext, session: Session, step: steps.TellTermination) -> str:
    """Show the notice until somebody works in the desktop, and record that.

    After a crash in between it is shown again, which is better than never.
    """
    await context.agents.notify(context.agent_of(session), step.message, NOTICE_SECONDS)
    told = replace(step.termination, notice_pending=False)
    await write_status(context, session, replace(session.status, last_termination=told))
    return "Showed a notice about the end of the former desktop."


async def _delete_session(context: ReconcilerContext, session: Session, step: steps.DeleteSession) -> str:
    del step
    await context.kubernetes.delete(session.ref, session.uid)
    await context.reread(session.ref)
    return "Deleted the session, because it has expired."


async def _save_scene(context: ReconcilerContext, session: Session, step: steps.SaveScene) -> str:
    context.agent_calls.save(session, step.pod_uid, step.timeout, final=step.final)
    return ""


async def _record_save(context: ReconcilerContext, session: Session, step: steps.RecordSave) -> str:
    status = with_save(session, step.save)
    await _update(context, session.ref, context.write_status(session, status))
    return ""


async def _ask_state(context: ReconcilerContext, session: Session, step: steps.AskState) -> str:
    del step
    context.agent_calls.ask(session)
    return ""


async def _add_owner(context: ReconcilerContext, session: Session, step: steps.AddOwner) -> str:
    del session
    patch = {"metadata": {"ownerReferences": [step.owner]}}
    await _update(context, step.ref, context.kubernetes.strategic_merge(step.ref, patch))
    return ""


async def _update_connection(context: ReconcilerContext, session: Session, step: steps.UpdateConnection) -> str:
    del session
    await context.guacamole.update_connection(step.identifier, step.spec)
    return f"Updated the connection {step.spec.name} in Guacamole."


async def _create_user(context: ReconcilerContext, session: Session, step: steps.CreateUser) -> str:
    del session
    async with context.guacamole.user_lock(step.user.username):
        await context.guacamole.create_user(step.user)
    return f"Created the Guacamole user {step.user.username}."


async def _set_password(context: ReconcilerContext, session: Session, step: steps.SetPassword) -> str:
    del session
    async with context.guacamole.user_lock(step.user.username):
        await context.guacamole.set_password(step.user)
    return f"Set the password of the Guacamole user {step.user.username} to that in its Secret."


async def _grant(context: ReconcilerContext, session: Session, step: steps.Grant) -> str:
    del session
    await context.guacamole.grant(step.username, step.connection)
    return f"Granted the connection {step.connection} to the user {step.username}."


async def _record_suspension(context: ReconcilerContext, session: Session, step: steps.RecordSuspension) -> str:
    """Record the suspension in the status, and free the capacity of a session that wants no desktop any more."""
    status = with_suspension(session, step.reason, datetime.now(UTC))
    try:
        await _update(context, session.ref, context.write_status(session, status))
    finally:
        if session.suspend_requested:
            context.admission.release(session.uid)
    return f"The session is being suspended ({step.reason})."


async def _scale_to_zero(context: ReconcilerContext, session: Session, step: steps.ScaleToZero) -> str:
    """Suspend the version that was seen. After a change of a person's, a resume too, the next plan decides."""
    del step
    try:
        await context.kubernetes.scale(session.ref, session.uid, 0, session.resource_version)
    except KindUnknown:
        raise
    except (NotFound, Conflict):
        await context.reread(session.ref)
        return ""
    await context.reread(session.ref)
    return "Scaled the session to 0, because it has expired."


async def _warn(context: ReconcilerContext, session: Session, step: steps.Warn) -> str:
    """Announce the expiry by a notice on the desktop and by an Event, once for each expiry time."""
    context.activity.warned[session.uid] = step.expires_at
    context.events.event(session, Event("Normal", "Expiring", step.message, datetime.now(UTC)))
    seconds = max(1.0, (step.expires_at - datetime.now(UTC)).total_seconds())
    context.agent_calls.notify(session, step.message, seconds)
    return ""


async def _add_finalizer(context: ReconcilerContext, session: Session, step: steps.AddFinalizer) -> str:
    del step
    await _set_finalizers(context, session, lambda present: [*present, labels.FINALIZER])
    return ""


async def _remove_finalizer(context: ReconcilerContext, session: Session, step: steps.RemoveFinalizer) -> str:
    del step

    def others(present: Iterable[str]) -> list[str]:
        return [name for name in present if name != labels.FINALIZER]

    if not await _set_finalizers(context, session, others):
        return ""
    if not others(session.finalizers):
        context.cache.remove(session.ref, session.uid)
    return "Removed the session's finalizer: nothing of the session is left in Guacamole."


async def _set_finalizers(
    context: ReconcilerContext, session: Session, change: Callable[[Iterable[str]], list[str]]
) -> bool:
    """Write the finalizers to the version that was read; return whether that succeeded.

    A session that has changed since is read again, and the next plan decides.
    """
    try:
        present: Iterable[str] = session.finalizers
        if len(session.finalizers) > MAX_FINALIZERS:
            # The cache does not keep them all.
            read = (await context.kubernetes.get(session.ref))["metadata"]
            session = replace(session, resource_version=read["resourceVersion"])
            present = read.get("finalizers") or ()
        written = await context.write_finalizers(session, change(present))
        context.cache.replace({"kind": SESSION_KIND} | written)
    except NotFound:
        context.cache.remove(session.ref, session.uid)
    except Conflict:
        await context.reread(session.ref)
        return False
    return True


async def _update(context: ReconcilerContext, ref: Ref, request: Awaitable[Manifest]) -> Manifest | None:
    """Send a change, and return the object as it is now.

    If the object is gone or another one has its name, it is read again, and None returned; the next plan decides.
    """
    try:
        answer = {"kind": ref.kind} | await request
    except (NotFound, Conflict):
        await context.reread(ref)
        return None
    context.cache.replace(answer)
    return answer


async def _create(context: ReconcilerContext, session: Session, manifest: Manifest) -> str:
    ref = ref_of(manifest)
    try:
        is_new = await create(context, manifest, lambda existing: _is_ours(existing, manifest, session))
    except Conflict:
        message = f"{ref} exists and is not this session's: delete or rename it, and the session starts."
        raise NameTaken(message, System.KUBERNETES) from None
    return f"Created {ref}." if is_new else ""


def _is_ours(existing: Manifest, wanted: Manifest, session: Session) -> bool:
    """Return whether an object that was not expected is the one that was to be made."""
    if wanted["metadata"]["labels"].get(labels.SECRET):
        return is_user_secret(existing, decode(wanted, "username"))
    if not wanted["metadata"].get("ownerReferences"):
        # A claim that is retained has no owner.
        return (existing["metadata"].get("labels") or {}).get(labels.SESSION_UID) == session.uid
    return controller_uid(existing) == session.uid


async def _remove_user(context: ReconcilerContext, session: Session, step: steps.RemoveUser) -> str:
    """Remove a user of ours whose Secret is lost, unless the Secret exists and the cache was behind."""
    username = step.username
    ref = Ref("Secret", session.namespace, user_secret_name(username))
    await context.reread(ref)
    if context.cache.get(ref) is not None:
        return ""
    async with context.guacamole.user_lock(username):
        await context.guacamole.remove_user(username, session.namespace)
    context.enqueue_sessions_of(username)
    return f"Removed the Guacamole user {username}, whose Secret is lost. Both are created again."


async def _release_user(context: ReconcilerContext, session: Session, step: steps.ReleaseUser) -> str:
    """Remove a user made for this namespace, and its Secret, unless another session of the namespace lets it in.

    The lock keeps two sessions from removing or creating the user at the same time. A session that is not in the cache
    yet has no grant yet either. Its first plan creates the user again.
    """
    username = step.username
    async with context.guacamole.user_lock(username):
        if context.cache.is_wanted(session.namespace, username, besides=session.uid):
            return ""
        removed = await context.guacamole.remove_user(username, session.namespace)
        ref = Ref("Secret", session.namespace, user_secret_name(username))
        secret = await context.read(ref)
        if secret is not None and is_user_secret(secret, username):
            await context.kubernetes.delete(ref, secret["metadata"]["uid"])
            context.cache.remove(ref, secret["metadata"]["uid"])
    if not removed:
        return ""
    context.enqueue_sessions_of(username)
    return f"Removed the Guacamole user {username}."


Handler: TypeAlias = "Callable[[ReconcilerContext, Session, Any], Awaitable[str]]"
"""Carries out one step, and returns a log message about the change; empty if nothing changed."""

HANDLERS: Final[dict[type[Step], Handler]] = {
    steps.AddFinalizer: _add_finalizer,
    steps.RemoveFinalizer: _remove_finalizer,
    steps.CreateObject: _create_object,
    steps.CreateDesktopSecret: _create_desktop_secret,
    steps.CompleteDesktopSecret: _complete_desktop_secret,
    steps.CreateUserSecret: _create_user_secret,
    steps.ApplyObject: _apply_object,
    steps.ApplyPolicy: apply_policy,
    steps.AnnotateObject: _annotate_object,
    steps.DeleteObject: _delete_object,
    steps.RecordTermination: _record_termination,
    steps.TellTermination: _tell_termination,
    steps.DeleteSession: _delete_session,
    steps.RecordSuspension: _record_suspension,
    steps.ScaleToZero: _scale_to_zero,
    steps.SaveScene: _save_scene,
    steps.RecordSave: _record_save,
    steps.ClaimDesktop: claim_desktop,
    steps.TakeOver: take_over,
    steps.OpenSample: open_sample,
    steps.AskState: _ask_state,
    steps.Warn: _warn,
    steps.AddOwner: _add_owner,
    steps.CreateConnection: create_connection,
    steps.UpdateConnection: _update_connection,
    steps.CreateUser: _create_user,
    steps.SetPassword: _set_password,
    steps.RemoveUser: _remove_user,
    steps.Grant: _grant,
    steps.Revoke: revoke,
    steps.RemoveConnection: remove_connection,
    steps.ReleaseUser: _release_user,
}
