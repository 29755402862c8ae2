"""What is left in Guacamole that no session needs: who made it, whether that is long enough ago, and what is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.model.desktop import desktop_of_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from blendersessions.model.access import ConnectionRecord, UserRecord


@dataclass(frozen=True)
class Orphans:
    """Names in Guacamole that bear our mark, and that no session stands behind."""

    connections: tuple[str, ...]
    users: tuple[str, ...]
    unmanaged: tuple[str, ...]
    """Connections in our group that bear none of our names: told, never touched."""


def find_orphans(
    connections: Mapping[str, ConnectionRecord],
    users: Iterable[UserRecord],
    exists: Callable[[str], bool],
    is_wanted: Callable[[str, str], bool],
    namespaces: Collection[str],
) -> Orphans:
    """Compare Guacamole with the sessions.

    Args:
        connections: those in our group, by name.
        users: all users; only those that we made for a namespace that we serve count.
        exists: whether there is a session for a name of ours, be it in deletion.
        is_wanted: whether a session of a namespace lets a user in.
        namespaces: those that are served; empty: all.
    """
    ours = [name for name in connections if desktop_of_connection(name)]
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
    """Return the namespace of the session that a connection was made for; empty when it leads elsewhere.

    Its parameters say so: a name of ours alone may have been given to it by anybody.
    """
    desktop = desktop_of_connection(record.name)
    host = (record.parameters or {}).get("hostname", "")
    service, _, rest = host.partition(".")
    namespace, _, kind = rest.partition(".")
    return namespace if desktop and service == desktop and kind == "svc" else ""


@dataclass
class GracePeriod:
    """Since when each orphan is one. A session that starts or ends looks like one for a moment."""

    seconds: float
    since: dict[str, float] = field(default_factory=dict)

    def due(self, found: Iterable[str], now: float) -> list[str]:
        """Take in what is an orphan now; return those that have been for long enough, the oldest first.

        One that was missing in between starts anew. `now` is in seconds, on a clock that never goes back.
        """
        self.since = {key: self.since.get(key, now) for key in found}
        late = [key for key, begun in self.since.items() if now - begun >= self.seconds]
        return sorted(late, key=lambda key: (self.since[key], key))
