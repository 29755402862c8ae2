"""Plan a session's part of Guacamole: the connections, the users who may open them, and the grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.access import SessionAccess, UserSpec, access_list
from blendersessions.model.container import VNC_PASSWORD
from blendersessions.model.manifest import ref_of
from blendersessions.model.secret_data import decode
from blendersessions.model.session import owner_reference
from blendersessions.model.user_credentials import fingerprint_of
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.observed import (
    Observed,
    granted_before,
    is_of_desktop,
    is_user_secret,
    own_pod,
    record_of_granted,
)
from blendersessions_operator.planning.refusals import is_refused
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.connection import connection, view_connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.model.access import ConnectionSpec, UserRecord
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.steps import Step


def plan_access(session: Session, observed: Observed) -> list[Step]:
    """Plan the session's connections, users and grants. Nothing is planned before `may_have_access`."""
    password, access = vnc_password(session, observed), observed.access
    if not password or not access.inspected or not may_have_access(session, observed):
        return []
    wanted = access_list(session)
    if is_refused(session, observed, session.username):
        return _plan_user_access(session, observed, session.username, session.desktop.name, Area.ACCESS)
    todo: list[Step] = []
    for spec in wanted_connections(session, password):
        todo += _plan_connection(session, observed, spec)
    for username, name in wanted.items():
        area = Area.ACCESS if username == session.username else Area.VIEWERS
        if area not in observed.failures:
            todo += _plan_user_access(session, observed, username, name, area)
    surplus = [
        name for name in session.desktop.connections if name not in wanted.values() and name in access.connections
    ]
    return [*todo, *(steps.RemoveConnection(name, session_access(session)) for name in surplus)]


def may_have_access(session: Session, observed: Observed) -> bool:
    """Return whether the session may have connections and users now, because its pod was made once.

    A session whose pod is refused, for instance by a quota, leaves nothing in Guacamole.
    """
    registered = session.status.connection is not None or bool(observed.access.connections)
    return registered or own_pod(session, observed) is not None


def plan_access_change(session: Session, observed: Observed) -> tuple[tuple[Step, ...], ...]:
    """Plan what precedes new grants, and revoke grants that are not wanted any more.

    Users are recorded on the desktop's Secret before they get a grant. Former users are taken off that record last.
    """
    holder, wanted = record_of_granted(session, observed), access_list(session)
    if holder is None or not observed.access.inspected:
        return ()
    recorded = granted_before(session, observed)
    if not wanted.keys() <= set(recorded):
        return ((_record_granted(session, holder, dict.fromkeys([*recorded, *wanted])),),)
    former, moved = _former_users(session, observed), _moved_grants(session, observed)
    if not former and not moved:
        return ()
    names = [name for name in session.desktop.connections if name in observed.access.connections]
    return (
        (*(steps.Revoke(user, name) for user in former for name in names), *(steps.Revoke(*pair) for pair in moved)),
        tuple(steps.ReleaseUser(user) for user in former),
        (_record_granted(session, holder, wanted),) if former else (),
    )


def _former_users(session: Session, observed: Observed) -> list[str]:
    """Return the users who may have a grant and are not in the access list any more.

    The record may be lost with the Secret. The known grants replace it then.
    """
    wanted, granted = access_list(session), sorted({user for user, _ in observed.access.grants})
    return [user for user in dict.fromkeys([*granted_before(session, observed), *granted]) if user not in wanted]


def _moved_grants(session: Session, observed: Observed) -> list[tuple[str, str]]:
    """Return the grants of users to the other connection: an owner has become a viewer, or a viewer the owner."""
    wanted = access_list(session)
    return [(user, name) for user, name in sorted(observed.access.grants) if user in wanted and wanted[user] != name]


def wanted_connections(session: Session, vnc_password: str) -> list[ConnectionSpec]:
    """Build the connections that the session should have."""
    for_viewers = [view_connection(session.desktop, session, vnc_password)] if session.spec.viewers else []
    return [connection(session.desktop, session, vnc_password), *for_viewers]


def vnc_password(session: Session, observed: Observed) -> str:
    """Return the VNC password in the desktop's Secret; empty if there is none yet."""
    secret = observed.secret
    return decode(secret, VNC_PASSWORD) if secret is not None and is_of_desktop(secret, session, observed) else ""


def session_access(session: Session) -> SessionAccess:
    """Return how the session is known in Guacamole."""
    return SessionAccess(
        connections=session.desktop.connections,
        usernames=tuple(access_list(session)),
        hostname=session.desktop.hostname,
        namespace=session.namespace,
        reported_identifier=reported_identifier(session),
    )


def reported_identifier(session: Session) -> str:
    """Return the last reported identifier of the owner's connection; empty if none was reported."""
    reported = session.status.connection
    return reported.identifier if reported is not None else ""


def _plan_connection(session: Session, observed: Observed, wanted: ConnectionSpec) -> list[Step]:
    record = observed.access.connections.get(wanted.key)
    if record is None:
        return [steps.CreateConnection(wanted)]
    if record.matches(wanted):
        return []
    if session_access(session).doubts(record):
        return []
    return [steps.UpdateConnection(record.identifier, wanted)]


def _plan_user_access(session: Session, observed: Observed, username: str, name: str, area: Area) -> list[Step]:
    user = observed.access.users[username]
    granted = (username, name) in observed.access.grants
    if is_refused(session, observed, username):
        # A grant would open the desktop to those who can read the user's password, or show it to who has not agreed.
        return [steps.Revoke(username, name, area)] if granted else []
    todo, may_be_granted = _plan_user(session, observed, user, area)
    record = observed.access.connections.get(name)
    if may_be_granted and not granted and record is not None and not session_access(session).doubts(record):
        todo.append(steps.Grant(username, name, area))
    return todo


def _plan_user(session: Session, observed: Observed, user: UserRecord, area: Area) -> tuple[list[Step], bool]:
    """Return the steps for a Guacamole user, and whether the user may get a grant.

    The Secret is created before the user, so that after a crash the user can be created from it. A user of ours whose
    Secret is lost is removed and created again with a new one, because nobody knows the password any more. A Secret of
    that name is left alone if the user is an administrator's.
    """
    if user.exists and not user.ours(session.namespace):
        return [], True
    secret = observed.user_secrets.get(user.username)
    if secret is None:
        if not user.exists:
            return [steps.CreateUserSecret(user.username, area)], False
        return [steps.RemoveUser(user.username, area)], False
    if not is_user_secret(secret, user.username):
        return [], False
    password = decode(secret, "password")
    if not password:
        return [steps.DeleteObject(ref_of(secret), secret["metadata"]["uid"], area=area)], False
    todo: list[Step] = []
    owners = secret["metadata"].get("ownerReferences") or ()
    if all(owner["uid"] != session.uid for owner in owners):
        todo.append(steps.AddOwner(ref_of(secret), owner_reference(session, controller=False), area))
    wanted = UserSpec(user.username, password, session.namespace, fingerprint_of(secret))
    if not user.exists:
        todo.append(steps.CreateUser(wanted, area))
    elif user.fingerprint != wanted.fingerprint:
        # The Secret was changed, or Guacamole or Kubernetes is from a backup.
        todo.append(steps.SetPassword(wanted, area))
    return todo, user.exists


def _record_granted(session: Session, holder: Manifest, usernames: Iterable[str]) -> Step:
    metadata: Manifest = {
        "name": session.desktop.name,
        "namespace": session.namespace,
        "uid": holder["metadata"]["uid"],
        "annotations": {labels.GRANTED: ",".join(usernames)},
    }
    return steps.AnnotateObject({"apiVersion": "v1", "kind": holder["kind"], "metadata": metadata}, area=Area.ACCESS)
