"""Find what has a name of the session's in Guacamole, and is not the session's to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.access import access_list
from blendersessions.model.errors import NameTaken, System
from blendersessions_operator.planning.access import session_access
from blendersessions_operator.planning.refusals import is_refused
from blendersessions_operator.planning.steps import Area

if TYPE_CHECKING:
    from blendersessions.model.access import ConnectionRecord
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


def doubtful_connections(session: Session, observed: Observed) -> list[str]:
    """Return the connections with a name of the session's that seem to belong to others."""
    if is_refused(session, observed, session.username):
        return []
    access, wanted = session_access(session), access_list(session).values()
    known = observed.access.connections
    return [name for name in access.connections if name in wanted and name in known and access.doubts(known[name])]


def doubtful_users(session: Session, observed: Observed) -> dict[str, Area]:
    """Return the users whom the session seems not to be allowed to let in, each with the area that fails if it is so.

    A user who still has a grant is left out, because the grant is revoked first. While the owner is refused, only the
    owner is returned.
    """
    access, wanted = observed.access, access_list(session)
    if is_refused(session, observed, session.username):
        wanted = {session.username: wanted[session.username]}
    areas = {name: Area.ACCESS if name == session.username else Area.VIEWERS for name in wanted}
    return {
        name: areas[name]
        for name, connection in wanted.items()
        if areas[name] not in observed.failures
        and is_refused(session, observed, name)
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
