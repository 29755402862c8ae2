"""Carry out the steps of a plan, and keep in the store what the API server answered."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from blendersessions.clients.agent import endpoint_of
from blendersessions.model import labels
from blendersessions.model.errors import Conflict, DomainError, NameTaken, NotFound, OwnerTaken, System
from blendersessions.model.manifest import SESSION_KIND, Manifest, Ref, controller_uid, ref_of
from blendersessions.model.names import user_secret_name
from blendersessions.model.secret_data import decode
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.observed import is_user_secret
from blendersessions_operator.planning.status import with_suspension
from blendersessions_operator.planning.status_events import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from blendersessions.clients.agent import AgentEndpoint
    from blendersessions.model.conditions import Reason
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.plan import Plan
    from blendersessions_operator.planning.steps import Area, Step

logger = logging.getLogger(__name__)


async def execute(context: ReconcilerContext, session: Session, plan: Plan) -> dict[Area, DomainError]:
    """Carry out a plan; return what failed, by part. A stage with a failure is the last one that is begun."""
    failures: dict[Area, DomainError] = {}
    for stage in plan.stages:
        if failures:
            break
        outcomes = await asyncio.gather(*(_attempt(context, session, step) for step in stage), return_exceptions=True)
        for step, outcome in zip(stage, outcomes, strict=True):
            if isinstance(outcome, DomainError):
                failures.setdefault(step.part, outcome)
            elif isinstance(outcome, BaseException):
                raise outcome
    return failures


async def _attempt(context: ReconcilerContext, session: Session, step: Step) -> None:
    said = await _carry_out(context, session, step)
    if said:
        logger.info("%s", said, extra={"session": f"{session.namespace}/{session.name}"})


async def _carry_out(context: ReconcilerContext, session: Session, step: Step) -> str:  # noqa: C901 - one line a step
    """Carry out one step, and return what to log: empty when nothing changed."""
    guacamole, kubernetes = context.guacamole, context.kubernetes
    match step:
        case steps.AddFinalizer():
            return await _add_finalizer(context, session)
        case steps.RemoveFinalizer():
            return await _remove_finalizer(context, session)
        case steps.CreateObject(manifest):
            return await _create(context, session, manifest)
        case steps.ApplyObject(manifest):
            await _update(context, ref_of(manifest), kubernetes.apply(manifest))
            return f"Put {ref_of(manifest)} right."
        case steps.AnnotateObject(manifest):
            ref = ref_of(manifest)
            metadata = {"uid": manifest["metadata"]["uid"], "annotations": manifest["metadata"]["annotations"]}
            await _update(context, ref, kubernetes.merge(ref, {"metadata": metadata}))
            return ""
        case steps.DeleteObject(ref, uid):
            await kubernetes.delete(ref, uid)
            # It may stay for a while: a pod ends in order, and anything may have a finalizer.
            await context.reread(ref)
            return f"Deleted {ref}, to make it again."
        case steps.DeleteSession():
            await kubernetes.delete(session.ref, session.uid)
            await context.reread(session.ref)
            return "Deleted the session, since its time is over."
        case steps.RecordSuspension(reason):
            return await _note_suspension(context, session, reason)
        case steps.SaveScene():
            file = await context.agents.save(_agent(context, session))
            return f"Saved the scene to {file}."
        case steps.AskDesktop():
            context.activity.record(session, await context.agents.status(_agent(context, session)), datetime.now(UTC))
            return ""
        case steps.Warn(message, expires_at):
            return await _warn(context, session, message, expires_at)
        case steps.AddOwner(ref, owner):
            patch = {"metadata": {"ownerReferences": [owner]}}
            await _update(context, ref, kubernetes.strategic_merge(ref, patch))
            return ""
        case steps.InspectAccess(names, usernames, hostname, hint):
            await guacamole.inspect(names, usernames, hostname, hint)
            return ""
        case steps.CreateConnection(spec):
            await guacamole.create_connection(spec)
            return f"Registered the connection {spec.name} in Guacamole."
        case steps.UpdateConnection(identifier, spec):
            await guacamole.update_connection(identifier, spec)
            return f"Updated the connection {spec.name} in Guacamole."
        case steps.VerifyConnectionOwnership(name, hostname):
            return await _refuse_connection(context, name, hostname)
        case steps.CreateUser(username, password):
            async with guacamole.user_lock(username):
                await guacamole.create_user(username, password, session.namespace)
            return f"Made the Guacamole user {username}."
        case steps.SetPassword(username, password):
            async with guacamole.user_lock(username):
                await guacamole.set_password(username, password)
            return f"Gave the Guacamole user {username} the password of its Secret."
        case steps.RemoveUser(username):
            return await _remove_lost_user(context, session, username)
        case steps.VerifyUserOwnership(username):
            return await _refuse_user(context, session, username)
        case steps.Grant(username, name):
            await guacamole.grant(username, name)
            return f"Granted the connection {name} to {username}."
        case steps.Revoke(username, name):
            closed = await guacamole.revoke(username, name)
            return f"Took the connection {name} from {username}, with {closed} running tunnels."
        case steps.RemoveConnection(name, hostname, hint):
            known = bool(guacamole.view([name], []).connections)
            closed = await guacamole.remove_connection(name, hostname, hint)
            return f"Removed the connection {name} from Guacamole, with {closed} running tunnels." if known else ""
        case steps.ReleaseUser(username):
            return await _release_user(context, session, username)
        case _:
            assert_never(step)


def _agent(context: ReconcilerContext, session: Session) -> AgentEndpoint:
    places = (Ref(kind, session.namespace, session.desktop.name) for kind in ("Pod", "Secret"))
    return endpoint_of(*(context.cache.get(place) for place in places))


async def _note_suspension(context: ReconcilerContext, session: Session, reason: Reason) -> str:
    """Write down that the session is suspended, and which wish to resume it there was already."""
    status = with_suspension(session, reason, datetime.now(UTC))
    try:
        noted = context.kubernetes.replace(context.as_seen(session) | {"status": status.to_manifest()}, "status")
        await _update(context, session.ref, noted)
    finally:
        context.admission.release(session.uid)
    return f"The session is suspended ({reason})."


async def _warn(context: ReconcilerContext, session: Session, message: str, expires_at: datetime) -> str:
    """Tell of the end on the desktop and by an Event, once for each end."""
    context.activity.warned[session.uid] = expires_at
    context.events.event(session, Event("Normal", "Expiring", message))
    seconds = max(1.0, (expires_at - datetime.now(UTC)).total_seconds())
    await context.agents.notify(_agent(context, session), message, seconds)
    return "Told the person that the session ends."


async def _add_finalizer(context: ReconcilerContext, session: Session) -> str:
    await _set_finalizers(context, session, [*session.finalizers, labels.FINALIZER])
    return ""


async def _remove_finalizer(context: ReconcilerContext, session: Session) -> str:
    rest = [name for name in session.finalizers if name != labels.FINALIZER]
    if not await _set_finalizers(context, session, rest):
        return ""
    if not rest:
        context.cache.remove(session.ref, session.uid)
    return "Released the session: nothing of it is left in Guacamole."


async def _set_finalizers(context: ReconcilerContext, session: Session, finalizers: list[str]) -> bool:
    """Write the session as it was seen; when it has changed since, read it again, and let the next plan decide."""
    try:
        manifest = context.as_seen(session)
        manifest["metadata"]["finalizers"] = finalizers
        context.cache.replace({"kind": SESSION_KIND} | await context.kubernetes.replace(manifest))
    except NotFound:
        context.cache.remove(session.ref, session.uid)
    except Conflict:
        await context.reread(session.ref)
        return False
    return True


async def _update(context: ReconcilerContext, ref: Ref, request: Awaitable[Manifest]) -> None:
    """Send a change; when the object is gone or another one has its name, look again, and let the next plan decide."""
    try:
        context.cache.replace({"kind": ref.kind} | await request)
    except (NotFound, Conflict):
        await context.reread(ref)


async def _create(context: ReconcilerContext, session: Session, manifest: Manifest) -> str:
    """Create an object; one that exists is taken over if it is ours, made before a crash or behind a slow watch."""
    ref = ref_of(manifest)
    try:
        made = await context.kubernetes.create(manifest)
    except Conflict:
        found = {"kind": ref.kind} | await context.kubernetes.get(ref)
        ours = (
            is_user_secret(found, decode(manifest, "username"))
            if manifest["metadata"]["labels"].get(labels.SECRET)
            else controller_uid(found) == session.uid
        )
        if not ours:
            message = f"{ref} exists and is not this session's: delete or rename it, and the session starts."
            raise NameTaken(message, System.KUBERNETES) from None
        context.cache.put(found)
        return ""
    context.cache.put({"kind": ref.kind} | made)
    return f"Created {ref}."


async def _remove_lost_user(context: ReconcilerContext, session: Session, username: str) -> str:
    """Remove a user of ours whose Secret is lost, unless the Secret is there and only the cache was behind."""
    ref = Ref("Secret", session.namespace, user_secret_name(username))
    await context.reread(ref)
    if context.cache.get(ref) is not None:
        return ""
    async with context.guacamole.user_lock(username):
        await context.guacamole.remove_user(username, session.namespace)
    context.enqueue_sessions_of(username)
    return f"Removed the Guacamole user {username}, whose Secret is lost, to make both again."


async def _refuse_connection(context: ReconcilerContext, name: str, hostname: str) -> str:
    """Report that the name is taken, or let the next plan decide when that has changed."""
    record = await context.guacamole.recheck_connection(name)
    if record is not None and not record.leads_to(hostname):
        message = (
            f"The connection {name} (identifier {record.identifier}) in Guacamole's connection group of this "
            "installation is not this session's, for it leads elsewhere: rename or delete it, and the session goes on."
        )
        raise NameTaken(message, System.GUACAMOLE)
    return ""


async def _refuse_user(context: ReconcilerContext, session: Session, username: str) -> str:
    """Report that a user is taken, or let the next plan decide when it is gone or another one by now."""
    if not (await context.guacamole.look_up_user(username)).taken(session.namespace):
        return ""
    role = "owner" if username == session.username else "viewer"
    field = "spec.owner" if role == "owner" else "spec.viewers"
    message = (
        f"The {role} {username} is a Guacamole user that was made for sessions outside of the namespace "
        f"{session.namespace}, whose people hold the password: choose another {field}, or have an administrator make "
        f"the user {username} in Guacamole in place of that one."
    )
    raise OwnerTaken(message, System.GUACAMOLE)


async def _release_user(context: ReconcilerContext, session: Session, username: str) -> str:
    """Remove a user made for this namespace, and its Secret, when no other live session here lets that user in.

    The lock keeps two sessions from doing it at once. A session that the watch has not told us of yet was granted
    nothing yet either: it finds the user gone, and makes it again.
    """
    async with context.guacamole.user_lock(username):
        if context.cache.is_wanted(session.namespace, username, besides=session.uid):
            return ""
        removed = await context.guacamole.remove_user(username, session.namespace)
        ref = Ref("Secret", session.namespace, user_secret_name(username))
        secret = context.cache.get(ref)
        if secret is not None and is_user_secret(secret, username):
            await context.kubernetes.delete(ref, secret["metadata"]["uid"])
            context.cache.remove(ref, secret["metadata"]["uid"])
    if not removed:
        return ""
    context.enqueue_sessions_of(username)
    return f"Removed the Guacamole user {username}."
