"""What to do about Guacamole: the connections, the users who may open them, and the grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.access import SessionAccess, access_list, connection_names
from blendersessions.model.container import VNC_PASSWORD
from blendersessions.model.manifest import ref_of
from blendersessions.model.secret_data import decode
from blendersessions.model.session import owner_reference
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.observed import Observed, granted_before, is_user_secret, owned
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.connection import connection, view_connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.model.access import ConnectionSpec, UserRecord
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.steps import Step


def plan_access(session: Session, observed: Observed) -> list[Step]:
    """Decide about the session's connections and users; nothing before the desktop's Secret with the password."""
    password, access = vnc_password(session, observed), observed.access
    if not password or not access.inspected:
        return []
    wanted = access_list(session)
    if access.users[session.username].taken(session.namespace):
        return _plan_person(session, observed, session.username, session.desktop.name, Area.ACCESS)
    todo: list[Step] = []
    for spec in wanted_connections(session, password):
        todo += _plan_connection(session, observed, spec)
    for username, name in wanted.items():
        part = Area.ACCESS if username == session.username else Area.VIEWERS
        if part not in observed.failures:
            todo += _plan_person(session, observed, username, name, part)
    spare = [name for name in connection_names(session) if name not in wanted.values() and name in access.connections]
    return [*todo, *(steps.RemoveConnection(name, session_access(session)) for name in spare)]


def plan_access_change(session: Session, observed: Observed) -> tuple[tuple[Step, ...], ...]:
    """Note who will be granted before it is done, and shut out whoever may no longer; that note is taken off last."""
    secret, wanted = observed.secret, access_list(session)
    if secret is None or not owned(secret, session) or not observed.access.inspected:
        return ()
    noted = granted_before(session, observed)
    if not wanted.keys() <= set(noted):
        return ((_note(session, secret, dict.fromkeys([*noted, *wanted])),),)
    former, moved = _former_users(session, observed), _moved_grants(session, observed)
    if not former and not moved:
        return ()
    names = [name for name in connection_names(session) if name in observed.access.connections]
    return (
        (*(steps.Revoke(who, name) for who in former for name in names), *(steps.Revoke(*pair) for pair in moved)),
        tuple(steps.ReleaseUser(who) for who in former),
        (_note(session, secret, wanted),) if former else (),
    )


def _former_users(session: Session, observed: Observed) -> list[str]:
    """Name who may have been granted and is not let in any more.

    The note may be lost with the Secret; then the grants that are known of say it.
    """
    wanted, granted = access_list(session), sorted({who for who, _ in observed.access.grants})
    return [who for who in dict.fromkeys([*granted_before(session, observed), *granted]) if who not in wanted]


def _moved_grants(session: Session, observed: Observed) -> list[tuple[str, str]]:
    """Return what users hold besides the one connection that is theirs: an owner became a viewer, or a viewer owner."""
    wanted = access_list(session)
    return [(who, name) for who, name in sorted(observed.access.grants) if who in wanted and wanted[who] != name]


def wanted_connections(session: Session, vnc_password: str) -> list[ConnectionSpec]:
    """Build the connections that the session should have."""
    shown = [view_connection(session.desktop, session, vnc_password)] if session.spec.viewers else []
    return [connection(session.desktop, session, vnc_password), *shown]


def vnc_password(session: Session, observed: Observed) -> str:
    """Return the password that stands in the session's own Secret; empty if there is none yet."""
    secret = observed.secret
    return decode(secret, VNC_PASSWORD) if secret is not None and owned(secret, session) else ""


def session_access(session: Session) -> SessionAccess:
    """Return how the session is known in Guacamole."""
    return SessionAccess(
        connections=connection_names(session),
        usernames=tuple(access_list(session)),
        hostname=session.desktop.hostname,
        reported_identifier=reported_identifier(session),
    )


def reported_identifier(session: Session) -> str:
    """Return the identifier of the owner's connection that was last reported; empty if none was."""
    reported = session.status.connection
    return reported.identifier if reported is not None else ""


def _plan_connection(session: Session, observed: Observed, wanted: ConnectionSpec) -> list[Step]:
    record = observed.access.connections.get(wanted.name)
    if record is None:
        return [steps.CreateConnection(wanted)]
    if record.matches(wanted):
        return []
    if session_access(session).doubts(record):
        return []
    return [steps.UpdateConnection(record.identifier, wanted)]


def _plan_person(session: Session, observed: Observed, username: str, name: str, part: Area) -> list[Step]:
    user = observed.access.users[username]
    granted = (username, name) in observed.access.grants
    if user.taken(session.namespace):
        # Its password is in a Secret of others, so a grant would open the desktop to them.
        return [steps.Revoke(username, name, part)] if granted else []
    todo, may_be_granted = _plan_user(session, observed, user, part)
    record = observed.access.connections.get(name)
    if may_be_granted and not granted and record is not None and not session_access(session).doubts(record):
        todo.append(steps.Grant(username, name, part))
    return todo


def _plan_user(session: Session, observed: Observed, user: UserRecord, part: Area) -> tuple[list[Step], bool]:
    """Return what to do about a Guacamole user, and whether there is one by now.

    The Secret is made before the user: whoever finds the Secret alone after a crash can make the user from it. A user
    of ours whose Secret is lost is removed and made again with a new one, for nobody knows the password any more. A
    Secret for an administrator's user says nothing about that user, so it is left alone.
    """
    if user.exists and not user.ours(session.namespace):
        return [], True
    secret = observed.user_secrets.get(user.username)
    if secret is None:
        if not user.exists:
            return [steps.CreateUserSecret(user.username, part)], False
        return [steps.RemoveUser(user.username, part)], False
    if not is_user_secret(secret, user.username):
        return [], False
    password = decode(secret, "password")
    if not password:
        return [steps.DeleteObject(ref_of(secret), secret["metadata"]["uid"], part=part)], False
    todo: list[Step] = []
    owners = secret["metadata"].get("ownerReferences") or ()
    if all(owner["uid"] != session.uid for owner in owners):
        todo.append(steps.AddOwner(ref_of(secret), owner_reference(session, controller=False), part))
    if not user.exists:
        todo.append(steps.CreateUser(user.username, password, part))
    elif user.password not in (None, password):
        todo.append(steps.SetPassword(user.username, password, part))
    return todo, user.exists


def _note(session: Session, secret: Manifest, usernames: Iterable[str]) -> Step:
    metadata: Manifest = {
        "name": session.desktop.name,
        "namespace": session.namespace,
        "uid": secret["metadata"]["uid"],
        "annotations": {labels.GRANTED: ",".join(usernames)},
    }
    return steps.AnnotateObject({"apiVersion": "v1", "kind": "Secret", "metadata": metadata}, part=Area.ACCESS)
