"""Read what users may open. No list shows that, so it takes one request for each user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blendersessions.clients.guacamole import users
from blendersessions.model.errors import NotFound

if TYPE_CHECKING:
    from blendersessions.clients.guacamole.cache import GuacamoleCache
    from blendersessions.clients.guacamole.client import GuacamoleClient

USERS_PER_TURN: Final = 500
"""Largest number of users whose rights are read in one turn of a check of all users."""


class RightsCheck:
    """Reads the rights of single users, or of all users in turns.

    Args:
        client: the client that sends the requests.
        cache: gets what was read.
    """

    def __init__(self, client: GuacamoleClient, cache: GuacamoleCache) -> None:
        self._client = client
        self._cache = cache
        self._pending: set[str] = set()

    @property
    def pending(self) -> bool:
        """Whether a check of all users has not ended."""
        return bool(self._pending)

    def begin(self) -> None:
        """Begin a check of all users."""
        self._pending = {user.username for user in self._cache.users.values() if user.exists}

    async def read(self, username: str) -> set[str]:
        """Read the rights of a user; return the names of connections for which they changed."""
        rights = await users.rights(self._client, username, self._cache.group)
        return self._cache.take_rights(username, rights.connections, group=rights.group)

    async def read_some(self) -> set[str]:
        """Read the rights of the next users of a check; return the names of connections for which they changed.

        An administrator of Guacamole whom no session names is passed over: the rights of one who made a connection are
        no session's grants, and to revoke them would take nothing away.
        """
        changed: set[str] = set()
        for username in sorted(self._pending)[:USERS_PER_TURN]:
            try:
                rights = await users.rights(self._client, username, self._cache.group)
            except NotFound:
                self._pending.discard(username)
                continue
            if not rights.administers or username in self._cache.rights_known:
                changed |= self._cache.take_rights(username, rights.connections, group=rights.group)
            self._pending.discard(username)
        return changed
