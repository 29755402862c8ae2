"""Find connections and users in Guacamole that have a name of the session's and belong to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.access import access_list
from blendersessions.model.errors import NameTaken, OwnerTaken, System
from blendersessions_operator.planning.access import session_access
from blendersessions_operator.planning.steps import Area

if TYPE_CHECKING:
    from blendersessions.model.access import ConnectionRecord, UserRecord
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


def doubtful_connections(session: Session, observed: Observed) -> list[str]:
    """Return the connections with a name of the session's that seem to belong to others."""
    if observed.access.users[session.username].taken(session.namespace):
        return []
    access, wanted = session_access(session), access_list(session).values()
    known = observed.access.connections
    return [name for name in access.connections if name in wanted and name in known and access.doubts(known[name])]


def doubtful_users(session: Session, observed: Observed) -> dict[str, Area]:
    """Return the users who seem to be made for others, each with the area that fails if it is so.

    A user who still has a grant is left out, because the grant is revoked first. While the owner is refused, only the
    owner is returned.
    """
    access, wanted = observed.access, access_list(session)
    if access.users[session.username].taken(session.namespace):
        wanted = {session.username: wanted[session.username]}
    areas = {name: Area.ACCESS if name == session.username else Area.VIEWERS for name in wanted}
    return {
        name: areas[name]
        for name, connection in wanted.items()
        if areas[name] not in observed.failures
        and access.users[name].taken(session.namespace)
        and (name, connection) not in access.grants
    }


def connection_conflict(session: Session, name: str, record: ConnectionRecord | None) -> NameTaken | None:
    """Return the error about a connection that was just read; None if it is the session's, or is gone."""
    if record is None or record.leads_to(session.desktop.hostname):
        return None
    return NameTaken(
        f"The connection {name} (identifier {record.identifier}) in Guacamole's connection group of this "
        "installation is not this session's, because it leads elsewhere: rename or delete it, and the session goes on.",
        System.GUACAMOLE,
    )


def user_conflict(session: Session, user: UserRecord) -> OwnerTaken | None:
    """Return the error about a user who was just looked up; None if the session may let that user in."""
    if not user.taken(session.namespace):
        return None
    role, other = "viewer", "choose another name in spec.viewers"
    if user.username == session.username:
        role, other = "owner", "delete the session and create it with another spec.owner"
    return OwnerTaken(
        f"The {role} {user.username} is a Guacamole user that was made for sessions outside of the namespace "
        f"{session.namespace}, where others know the password: {other}, or have an administrator "
        f"replace the user {user.username} in Guacamole.",
        System.GUACAMOLE,
    )
