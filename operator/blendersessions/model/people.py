"""Who may open a session, and by which connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.names import view_name_for

if TYPE_CHECKING:
    from blendersessions.model.session import Session


def people(session: Session) -> dict[str, str]:
    """Return the Guacamole users of a session, each with the name of the one connection that he or she may read."""
    view = view_name_for(session.uid)
    return dict.fromkeys(session.spec.viewers, view) | {session.username: session.desktop_name}


def connection_names(session: Session) -> tuple[str, ...]:
    """Return the names of the connections that a session has or may have had."""
    return session.desktop_name, view_name_for(session.uid)
