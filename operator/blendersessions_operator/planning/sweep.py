"""Find connections and users in Guacamole that no session needs, and apply a grace period to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.model.desktop import connection_key, desktop_of_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from blendersessions.model.access import ConnectionRecord, UserRecord


@dataclass(frozen=True)
class Orphans:
    """Connections and users of ours in Guacamole that no session needs, by name."""

    connections: tuple[str, ...]
    users: tuple[str, ...]
    unmanaged: tuple[str, ...]
    """Connections in our group whose names are not of our form. They are reported, and never changed."""


def find_orphans(
    connections: Mapping[str, ConnectionRecord],
    users: Iterable[UserRecord],
    exists: Callable[[str], bool],
    is_wanted: Callable[[str, str], bool],
    namespaces: Collection[str],
) -> Orphans:
    """Compare Guacamole with the sessions.

    Args:
        connections: those in our group, by key.
        users: all users. Only users that we made for a served namespace can be orphans.
        exists: returns whether a session exists for a connection of this name, even one in deletion.
        is_wanted: returns whether a session of a namespace lets a user in.
        namespaces: the served namespaces; empty for all.
    """
    # A second connection of one key is under another one in the cache, so that no session exists for it.
    ours = [
        name
        for name, record in connections.items()
        if desktop_of_connection(name) or desktop_of_connection(connection_key(record.name))
    ]
    return Orphans(
        connections=tuple(sorted(name for name in ours if not exists(name))),
        users=tuple(
            sorted(
                user.username
                for user in users
                if user.exists
                and user.made_for
                and not user.made_for.startswith("/")
                and (not namespaces or user.made_for in namespaces)
                and not is_wanted(user.made_for, user.username)
            )
        ),
        unmanaged=tuple(sorted(connections.keys() - set(ours))),
    )


def namespace_of(record: ConnectionRecord) -> str:
    """Return the namespace of the session that a connection was made for; empty if it leads elsewhere.

    The namespace comes from the connection's parameters, because anybody may give a connection a name of our form.
    """
    desktop = desktop_of_connection(connection_key(record.name))
    host = (record.parameters or {}).get("hostname", "")
    service, _, rest = host.partition(".")
    namespace, _, kind = rest.partition(".")
    return namespace if desktop and service == desktop and kind == "svc" else ""


@dataclass
class GracePeriod:
    """Delays the removal of orphans, because a session that starts or ends looks like one for a moment."""

    seconds: float
    since: dict[str, float] = field(default_factory=dict)
    """When each orphan was first found, in seconds on a monotonic clock."""

    def due(self, orphans: Iterable[str], now: float) -> list[str]:
        """Record the current orphans; return those whose grace period is over, the oldest first.

        The grace period of an orphan that was missing in between starts again.

        Args:
            orphans: the names of all current orphans.
            now: seconds on a monotonic clock.
        """
        self.since = {name: self.since.get(name, now) for name in orphans}
        due = [name for name, found_at in self.since.items() if now - found_at >= self.seconds]
        return sorted(due, key=lambda name: (self.since[name], name))
