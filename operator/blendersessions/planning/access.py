"""What to do about Guacamole: the connection, the user who may open it, and the grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.manifest import ref_of
from blendersessions.model.session import owner_reference
from blendersessions.planning import steps
from blendersessions.planning.observed import Observed, is_user_secret, noted_user, owned
from blendersessions.planning.steps import Part
from blendersessions.resources.connection import connection
from blendersessions.resources.secret import VNC_PASSWORD, decode, user_secret

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions.planning.steps import Step


def plan_access(session: Session, observed: Observed) -> list[Step]:
    """Decide about the session's connection and user; nothing before the desktop's Secret, which holds the password."""
    secret, access = observed.secret, observed.access
    if secret is None or not owned(secret, session) or not decode(secret, VNC_PASSWORD):
        return []
    if not access.inspected or access.user is None:
        return [steps.InspectAccess(session.desktop_name, session.username)]
    if access.user.taken(session.namespace):
        return _plan_refusal(session, observed)
    todo, may_be_granted = _plan_user(session, observed)
    wanted = connection(session, decode(secret, VNC_PASSWORD))
    if access.connection is None:
        return [*todo, steps.CreateConnection(wanted)]
    if not access.connection.matches(wanted):
        todo.append(steps.UpdateConnection(access.connection.identifier, wanted))
    if may_be_granted and not access.granted:
        todo.append(steps.Grant(session.username, access.connection.identifier))
    return todo


def plan_change_of_owner(session: Session, observed: Observed) -> tuple[tuple[Step, ...], ...]:
    """Shut out the user who was granted before the owner was changed; the note of it on the Secret goes last."""
    former, secret = noted_user(session, observed), observed.secret
    if not former or former == session.username or secret is None or not observed.access.inspected:
        return ()
    record = observed.access.connection
    metadata: Manifest = {
        "name": session.desktop_name,
        "namespace": session.namespace,
        "uid": secret["metadata"]["uid"],
        "annotations": {labels.USERNAME: session.username},
    }
    note: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    return (
        (steps.Revoke(former, record.identifier),) if record else (),
        (steps.ReleaseUser(former),),
        (steps.AnnotateObject(note, part=Part.ACCESS),),
    )


def _plan_refusal(session: Session, observed: Observed) -> list[Step]:
    """Refuse an owner whose Guacamole user was made for others, whatever Secret of that name there is here.

    Its password is in their Secret, so a grant would open the desktop to them.
    """
    access = observed.access
    if access.connection is not None and access.granted:
        return [steps.Revoke(session.username, access.connection.identifier)]
    return [steps.RefuseOwner(session.username)]


def _plan_user(session: Session, observed: Observed) -> tuple[list[Step], bool]:
    """Return what to do about the Guacamole user, and whether there is one by now.

    The Secret is made before the user: whoever finds the Secret alone after a crash can make the user from it. A user
    of ours whose Secret is lost is removed and made again with a new one, for nobody knows the password any more. A
    Secret for an administrator's user says nothing about that user, so it is left alone.
    """
    secret, user = observed.user_secret, observed.access.user
    if user is None:
        return [], False
    if user.exists and not user.ours(session.namespace):
        return [], True
    if secret is None:
        if not user.exists:
            return [steps.CreateObject(user_secret(session, observed.fresh), part=Part.ACCESS)], False
        return [steps.RemoveUser(user.username)], False
    if not is_user_secret(secret, user.username):
        return [], False
    if not decode(secret, "password"):
        return [steps.DeleteObject(ref_of(secret), secret["metadata"]["uid"], part=Part.ACCESS)], False
    todo: list[Step] = []
    owners = secret["metadata"].get("ownerReferences") or ()
    if all(owner["uid"] != session.uid for owner in owners):
        todo.append(steps.AddOwner(ref_of(secret), owner_reference(session, controller=False)))
    if not user.exists:
        todo.append(steps.CreateUser(user.username, decode(secret, "password")))
    return todo, user.exists
