"""The Guacamole side of a session, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field


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

    def matches(self, spec: ConnectionSpec) -> bool:
        """Say whether nothing needs to be changed to make it what `spec` says."""
        set_attributes = {key: value for key, value in self.attributes.items() if value}
        return (
            self.protocol == "vnc"
            and self.name == spec.name
            and self.parameters == spec.parameters
            and set_attributes == spec.attributes
        )


@dataclass(frozen=True)
class UserRecord:
    """A Guacamole user: whether there is one, and for whom we made it."""

    username: str
    exists: bool
    made_for: str = ""
    """The namespace whose sessions the user was made for; empty: an administrator's. One that starts with a slash is
    another installation's, and equals no namespace."""

    def ours(self, namespace: str) -> bool:
        """Say whether the user was made for the sessions of this namespace."""
        return self.exists and self.made_for == namespace

    def taken(self, namespace: str) -> bool:
        """Say whether the user was made for others: whoever reads their Secrets can sign in as that user."""
        return self.exists and self.made_for not in ("", namespace)


@dataclass(frozen=True)
class AccessView:
    """What is known of a session in Guacamole; `inspected` is False while something must be asked first."""

    inspected: bool = False
    data_source: str = ""
    connection: ConnectionRecord | None = None
    user: UserRecord | None = None
    granted: bool = False
