"""The Guacamole side of a session, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.model.session import Session

HOSTNAME = "hostname"
"""The parameter that says whose a connection is: it names the session's Service."""


@dataclass(frozen=True)
class ConnectionSpec:
    """What a connection should be: its name, the parameters for guacd, and Guacamole's own attributes.

    All values are strings, as Guacamole stores them. The parameters hold the VNC password, so they are never printed.
    """

    name: str
    parameters: dict[str, str] = field(repr=False)
    attributes: dict[str, str]


@dataclass(frozen=True)
class ConnectionRecord:
    """What Guacamole has: `parameters` is None until it was asked for them (a list does not tell)."""

    identifier: str
    name: str
    protocol: str
    attributes: dict[str, str]
    parameters: dict[str, str] | None = field(default=None, repr=False)
    in_group: bool = True
    """Whether it is in the operator's group; somebody may have moved it."""

    def matches(self, spec: ConnectionSpec) -> bool:
        """Say whether nothing needs to be changed to make it what `spec` says."""
        set_attributes = {key: value for key, value in self.attributes.items() if value}
        return (
            self.in_group
            and self.protocol == "vnc"
            and self.name == spec.name
            and self.parameters == spec.parameters
            and set_attributes == spec.attributes
        )

    def leads_to(self, hostname: str) -> bool:
        """Say whether it leads to this Service, as far as its parameters are known."""
        return self.parameters is not None and self.parameters.get(HOSTNAME) == hostname


@dataclass(frozen=True)
class UserRecord:
    """A Guacamole user: whether there is one, and for whom we made it."""

    username: str
    exists: bool
    made_for: str = ""
    """The namespace whose sessions the user was made for; empty: an administrator's. One that starts with a slash is
    another installation's, and equals no namespace."""
    password: str | None = field(default=None, repr=False)
    """The password that we set last; empty: somebody else made the user anew since; None: not known, and trusted."""

    def ours(self, namespace: str) -> bool:
        """Say whether the user was made for the sessions of this namespace."""
        return self.exists and self.made_for == namespace

    def taken(self, namespace: str) -> bool:
        """Say whether the user was made for others: whoever reads their Secrets can sign in as that user."""
        return self.exists and self.made_for not in ("", namespace)


@dataclass(frozen=True)
class Tunnel:
    """One browser that is connected: which user, on which connection, since when (Unix time in seconds)."""

    identifier: str
    connection: str
    """Identifier of the connection."""
    username: str
    opened_at: float


@dataclass(frozen=True)
class SessionAccess:
    """How one session is known in Guacamole: enough to find everything there that is the session's."""

    connections: tuple[str, ...]
    """Names of the connections that it has or may have had; the owner's is the first."""
    usernames: tuple[str, ...] = ()
    """Users whom the session lets in."""
    hostname: str = ""
    """The name by which guacd reaches the desktop: a connection that leads elsewhere is not the session's."""
    reported_identifier: str = ""
    """Identifier of the owner's connection that the status last reported; empty if there was none."""

    def identifier_of(self, connection: str) -> str:
        """Return the identifier that was last reported for a connection of this name; empty if none was."""
        return self.reported_identifier if connection == self.connections[0] else ""

    def doubts(self, record: ConnectionRecord) -> bool:
        """Say whether a connection of one of these names seems to be somebody else's."""
        return not record.leads_to(self.hostname) and record.identifier != self.reported_identifier


@dataclass(frozen=True)
class AccessView:
    """What is known of a session in Guacamole; `inspected` is False while something must be asked first."""

    inspected: bool = False
    data_source: str = ""
    connections: Mapping[str, ConnectionRecord] = field(default_factory=dict)
    """By the name that they should have."""
    users: Mapping[str, UserRecord] = field(default_factory=dict)
    """By name, for all whom the session lets in."""
    grants: frozenset[tuple[str, str]] = frozenset()
    """Pairs of a user, a former one too, and the name of the connection that he or she may read, as far as is known."""


def access_list(session: Session) -> dict[str, str]:
    """Return the Guacamole users of a session, each with the name of the one connection that the user may read."""
    desktop = session.desktop
    return dict.fromkeys(session.spec.viewers, desktop.view_connection) | {session.username: desktop.name}


def connection_names(session: Session) -> tuple[str, ...]:
    """Return the names of the connections that a session has or may have had."""
    return session.desktop.connections
