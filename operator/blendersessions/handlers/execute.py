"""Carry out the steps of a plan, and keep in the store what the API server answered."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from blendersessions.handlers.activities import desktop_of
from blendersessions.handlers.events import Note
from blendersessions.model import labels
from blendersessions.model.errors import Conflict, DomainError, NameTaken, NotFound, OwnerTaken
from blendersessions.model.manifest import SESSION_KIND, Manifest, Ref, controller_uid, ref_of
from blendersessions.model.names import user_secret_name
from blendersessions.model.secret_data import decode
from blendersessions.planning import steps
from blendersessions.planning.observed import is_user_secret
from blendersessions.planning.status import suspension_noted

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from blendersessions.gateways.agent import Desktop
    from blendersessions.handlers.context import World
    from blendersessions.model.session import Session
    from blendersessions.planning.plan import Plan
    from blendersessions.planning.steps import Part, Step

logger = logging.getLogger(__name__)


async def execute(world: World, session: Session, plan: Plan) -> dict[Part, DomainError]:
    """Carry out a plan; return what failed, by part. A stage with a failure is the last one that is begun."""
    failures: dict[Part, DomainError] = {}
    for stage in plan.stages:
        if failures:
            break
        outcomes = await asyncio.gather(*(_attempt(world, session, step) for step in stage), return_exceptions=True)
        for step, outcome in zip(stage, outcomes, strict=True):
            if isinstance(outcome, DomainError):
                failures.setdefault(step.part, outcome)
            elif isinstance(outcome, BaseException):
                raise outcome
    return failures


async def _attempt(world: World, session: Session, step: Step) -> None:
    said = await _carry_out(world, session, step)
    if said:
        logger.info("%s", said, extra={"session": f"{session.namespace}/{session.name}"})


async def _carry_out(world: World, session: Session, step: Step) -> str:  # noqa: C901 - one line a step
    """Carry out one step, and return what to log: empty when nothing changed."""
    registry, kubernetes = world.registry, world.kubernetes
    match step:
        case steps.AddFinalizer():
            return await _add_finalizer(world, session)
        case steps.RemoveFinalizer():
            return await _remove_finalizer(world, session)
        case steps.CreateObject(manifest):
            return await _create(world, session, manifest)
        case steps.ApplyObject(manifest):
            await _update(world, ref_of(manifest), kubernetes.apply(manifest))
            return f"Put {ref_of(manifest)} right."
        case steps.AnnotateObject(manifest):
            ref = ref_of(manifest)
            metadata = {"uid": manifest["metadata"]["uid"], "annotations": manifest["metadata"]["annotations"]}
            await _update(world, ref, kubernetes.merge(ref, {"metadata": metadata}))
            return ""
        case steps.DeleteObject(ref, uid):
            await kubernetes.delete(ref, uid)
            # It may stay for a while: a pod ends in order, and anything may have a finalizer.
            await world.reread(ref)
            return f"Deleted {ref}, to make it again."
        case steps.DeleteSession():
            await kubernetes.delete(session.ref, session.uid)
            await world.reread(session.ref)
            return "Deleted the session, since its time is over."
        case steps.NoteSuspension(reason):
            return await _note_suspension(world, session, reason)
        case steps.SaveScene():
            file = await world.agents.save(_desktop(world, session))
            return f"Saved the scene to {file}."
        case steps.AskDesktop():
            world.activities.take(session, await world.agents.status(_desktop(world, session)), datetime.now(UTC))
            return ""
        case steps.Warn(message, expires_at):
            return await _warn(world, session, message, expires_at)
        case steps.AddOwner(ref, owner):
            patch = {"metadata": {"ownerReferences": [owner]}}
            await _update(world, ref, kubernetes.strategic_merge(ref, patch))
            return ""
        case steps.InspectAccess(names, usernames, hostname, hint):
            await registry.inspect(names, usernames, hostname, hint)
            return ""
        case steps.CreateConnection(spec):
            await registry.create_connection(spec)
            return f"Registered the connection {spec.name} in Guacamole."
        case steps.UpdateConnection(identifier, spec):
            await registry.update_connection(identifier, spec)
            return f"Updated the connection {spec.name} in Guacamole."
        case steps.RefuseConnection(name, hostname):
            return await _refuse_connection(world, name, hostname)
        case steps.CreateUser(username, password):
            async with registry.user_lock(username):
                await registry.create_user(username, password, session.namespace)
            return f"Made the Guacamole user {username}."
        case steps.SetPassword(username, password):
            async with registry.user_lock(username):
                await registry.set_password(username, password)
            return f"Gave the Guacamole user {username} the password of its Secret."
        case steps.RemoveUser(username):
            return await _remove_lost_user(world, session, username)
        case steps.RefuseUser(username):
            return await _refuse_user(world, session, username)
        case steps.Grant(username, name):
            await registry.grant(username, name)
            return f"Granted the connection {name} to {username}."
        case steps.Revoke(username, name):
            closed = await registry.revoke(username, name)
            return f"Took the connection {name} from {username}, with {closed} running tunnels."
        case steps.RemoveConnection(name, hostname, hint):
            known = bool(registry.view([name], []).connections)
            closed = await registry.remove_connection(name, hostname, hint)
            return f"Removed the connection {name} from Guacamole, with {closed} running tunnels." if known else ""
        case steps.ReleaseUser(username):
            return await _release_user(world, session, username)
        case _:
            assert_never(step)


def _desktop(world: World, session: Session) -> Desktop:
    places = (Ref(kind, session.namespace, session.desktop_name) for kind in ("Pod", "Secret"))
    return desktop_of(*(world.store.get(place) for place in places))


async def _note_suspension(world: World, session: Session, reason: str) -> str:
    """Write down that the session is suspended, and which wish to resume it there was already."""
    status = suspension_noted(session, reason, datetime.now(UTC))
    try:
        noted = world.kubernetes.replace(world.as_seen(session) | {"status": status}, "status")
        await _update(world, session.ref, noted)
    finally:
        world.admissions.forget(session.uid)
    return f"The session is suspended ({reason})."


async def _warn(world: World, session: Session, message: str, expires_at: datetime) -> str:
    """Tell of the end on the desktop and by an Event, once for each end."""
    world.activities.warned[session.uid] = expires_at
    world.events.tell(session, Note("Normal", "Expiring", message))
    seconds = max(1.0, (expires_at - datetime.now(UTC)).total_seconds())
    await world.agents.notify(_desktop(world, session), message, seconds)
    return "Told the person that the session ends."


async def _add_finalizer(world: World, session: Session) -> str:
    await _set_finalizers(world, session, [*session.finalizers, labels.FINALIZER])
    return ""


async def _remove_finalizer(world: World, session: Session) -> str:
    rest = [name for name in session.finalizers if name != labels.FINALIZER]
    if not await _set_finalizers(world, session, rest):
        return ""
    if not rest:
        world.store.remove(session.ref, session.uid)
    return "Released the session: nothing of it is left in Guacamole."


async def _set_finalizers(world: World, session: Session, finalizers: list[str]) -> bool:
    """Write the session as it was seen; when it has changed since, read it again, and let the next plan decide."""
    try:
        manifest = world.as_seen(session)
        manifest["metadata"]["finalizers"] = finalizers
        world.store.replace({"kind": SESSION_KIND} | await world.kubernetes.replace(manifest))
    except NotFound:
        world.store.remove(session.ref, session.uid)
    except Conflict:
        await world.reread(session.ref)
        return False
    return True


async def _update(world: World, ref: Ref, request: Awaitable[Manifest]) -> None:
    """Send a change; when the object is gone or another one has its name, look again, and let the next plan decide."""
    try:
        world.store.replace({"kind": ref.kind} | await request)
    except (NotFound, Conflict):
        await world.reread(ref)


async def _create(world: World, session: Session, manifest: Manifest) -> str:
    """Create an object; one that exists is taken over if it is ours, made before a crash or behind a slow watch."""
    ref = ref_of(manifest)
    try:
        made = await world.kubernetes.create(manifest)
    except Conflict:
        found = {"kind": ref.kind} | await world.kubernetes.get(ref)
        ours = (
            is_user_secret(found, decode(manifest, "username"))
            if manifest["metadata"]["labels"].get(labels.SECRET)
            else controller_uid(found) == session.uid
        )
        if not ours:
            message = f"{ref} exists and is not this session's: delete or rename it, and the session starts."
            raise NameTaken(message, system="Kubernetes") from None
        world.store.put(found)
        return ""
    world.store.put({"kind": ref.kind} | made)
    return f"Created {ref}."


async def _remove_lost_user(world: World, session: Session, username: str) -> str:
    """Remove a user of ours whose Secret is lost, unless the Secret is there and only the cache was behind."""
    ref = Ref("Secret", session.namespace, user_secret_name(username))
    await world.reread(ref)
    if world.store.get(ref) is not None:
        return ""
    async with world.registry.user_lock(username):
        await world.registry.remove_user(username, session.namespace)
    world.wake_sessions_of(username)
    return f"Removed the Guacamole user {username}, whose Secret is lost, to make both again."


async def _refuse_connection(world: World, name: str, hostname: str) -> str:
    """Report that the name is taken, or let the next plan decide when that has changed."""
    record = await world.registry.recheck_connection(name)
    if record is not None and not record.leads_to(hostname):
        message = (
            f"The connection {name} (identifier {record.identifier}) in Guacamole's connection group of this "
            "installation is not this session's, for it leads elsewhere: rename or delete it, and the session goes on."
        )
        raise NameTaken(message)
    return ""


async def _refuse_user(world: World, session: Session, username: str) -> str:
    """Report that a user is taken, or let the next plan decide when it is gone or another one by now."""
    if not (await world.registry.look_up_user(username)).taken(session.namespace):
        return ""
    role = "owner" if username == session.username else "viewer"
    field = "spec.owner" if role == "owner" else "spec.viewers"
    message = (
        f"The {role} {username} is a Guacamole user that was made for sessions outside of the namespace "
        f"{session.namespace}, whose people hold the password: choose another {field}, or have an administrator make "
        f"the user {username} in Guacamole in place of that one."
    )
    raise OwnerTaken(message)


async def _release_user(world: World, session: Session, username: str) -> str:
    """Remove a user made for this namespace, and its Secret, when no other live session here lets that user in.

    The lock keeps two sessions from doing it at once. A session that the watch has not told us of yet was granted
    nothing yet either: it finds the user gone, and makes it again.
    """
    async with world.registry.user_lock(username):
        if world.store.is_wanted(session.namespace, username, besides=session.uid):
            return ""
        removed = await world.registry.remove_user(username, session.namespace)
        ref = Ref("Secret", session.namespace, user_secret_name(username))
        secret = world.store.get(ref)
        if secret is not None and is_user_secret(secret, username):
            await world.kubernetes.delete(ref, secret["metadata"]["uid"])
            world.store.remove(ref, secret["metadata"]["uid"])
    if not removed:
        return ""
    world.wake_sessions_of(username)
    return f"Removed the Guacamole user {username}."
