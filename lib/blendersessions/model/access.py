"""The Guacamole side of a session, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.model.desktop import connection_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.model.session import Session

HOSTNAME = "hostname"
"""Name of the parameter that holds the desktop's Service. It shows which session a connection belongs to."""


@dataclass(frozen=True)
class ConnectionSpec:
    """What a connection should be: its name, the parameters for guacd, and Guacamole's own attributes.

    All values are strings, as Guacamole stores them. The parameters hold the VNC password, so they are never printed.
    """

    name: str
    parameters: dict[str, str] = field(repr=False)
    attributes: dict[str, str]

    @property
    def key(self) -> str:
        """The part of the name by which we know the connection."""
        return connection_key(self.name)


@dataclass(frozen=True)
class ConnectionRecord:
    """A connection as Guacamole has it."""

    identifier: str
    name: str
    protocol: str
    attributes: dict[str, str]
    parameters: dict[str, str] | None = field(default=None, repr=False)
    """None until they are read: a list of connections does not contain them."""
    in_group: bool = True
    """Whether it is in the operator's group; somebody may have moved it."""

    def matches(self, spec: ConnectionSpec) -> bool:
        """Return whether the connection equals `spec` already."""
        set_attributes = {key: value for key, value in self.attributes.items() if value}
        return (
            self.in_group
            and self.protocol == "vnc"
            and self.name == spec.name
            and self.parameters == spec.parameters
            and set_attributes == spec.attributes
        )

    def leads_to(self, hostname: str) -> bool:
        """Return whether its parameters are known and lead to this Service."""
        return self.parameters is not None and self.parameters.get(HOSTNAME) == hostname


@dataclass(frozen=True)
class UserSpec:
    """What a Guacamole user that we make should be."""

    username: str
    password: str = field(repr=False)
    namespace: str
    """The namespace whose sessions the user is made for."""
    fingerprint: str
    """Of the Secret that holds the password."""


@dataclass(frozen=True)
class UserRecord:
    """A Guacamole user: whether it exists, and which namespace it was made for."""

    username: str
    exists: bool
    made_for: str = ""
    """The namespace whose sessions the user was made for. Empty: the user is an administrator's. A value that starts
    with a slash belongs to another installation, and equals no namespace."""
    fingerprint: str = ""
    """Of the Secret whose password was set last, as the user's mark says; empty if it does not say. Another one than
    the Secret's shows that the password differs, for instance after a restore."""

    admitted: tuple[str, ...] = ()
    """The namespaces whose sessions may let an administrator's user in, as its record says; `*` for all."""

    def admits(self, namespace: str) -> bool:
        """Return whether the record of an administrator's user admits sessions of a namespace."""
        return not {namespace, "*"}.isdisjoint(self.admitted)

    def ours(self, namespace: str) -> bool:
        """Return whether the user was made for the sessions of this namespace."""
        return self.exists and self.made_for == namespace

    def taken(self, namespace: str) -> bool:
        """Return whether the user was made for others, who can read its Secret and sign in as that user."""
        return self.exists and self.made_for not in ("", namespace)


@dataclass(frozen=True)
class Tunnel:
    """One browser that is connected."""

    identifier: str
    connection: str
    """Identifier of the connection."""
    username: str
    opened_at: float
    """Unix time in seconds."""


@dataclass(frozen=True)
class SessionAccess:
    """How one session is known in Guacamole: enough to find its connections and users there."""

    connections: tuple[str, ...]
    """Keys of the connections that the session has or may have had; the owner's is the first."""
    usernames: tuple[str, ...] = ()
    """Users whom the session lets in."""
    hostname: str = ""
    """The name by which guacd reaches the desktop. A connection that leads elsewhere is not the session's."""
    reported_identifier: str = ""
    """Identifier of the owner's connection that the status last reported; empty if there was none."""
    namespace: str = ""
    """The session's namespace, whose users are counted."""

    def identifier_of(self, connection: str) -> str:
        """Return the identifier that was last reported for a connection of this name; empty if none was."""
        return self.reported_identifier if connection == self.connections[0] else ""

    def doubts(self, record: ConnectionRecord) -> bool:
        """Return whether a connection of one of these names seems to belong to somebody else."""
        return not record.leads_to(self.hostname) and record.identifier != self.reported_identifier


@dataclass(frozen=True)
class AccessView:
    """What is known of a session in Guacamole."""

    inspected: bool = False
    """False while Guacamole must be asked before anything is decided."""
    data_source: str = ""
    connections: Mapping[str, ConnectionRecord] = field(default_factory=dict)
    """By key."""
    users: Mapping[str, UserRecord] = field(default_factory=dict)
    """By name: all users whom the session lets in."""
    grants: frozenset[tuple[str, str]] = frozenset()
    """The known grants: pairs of a user and the key of a connection. Former users of the session are included."""
    users_made: int = 0
    """How many users there are that were made for the session's namespace, or are being made."""


def access_list(session: Session) -> dict[str, str]:
    """Return the Guacamole users of a session, each with the key of the one connection that the user may read."""
    desktop = session.desktop
    return dict.fromkeys(session.spec.viewers, desktop.view_connection) | {session.username: desktop.name}
