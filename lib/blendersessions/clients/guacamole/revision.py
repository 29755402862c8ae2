"""Notice that Guacamole's database was restored: the revision in our group's mark is not one that we wrote last.

A restore brings revoked rights back, and no list shows rights. So the revision grows with each revocation.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from blendersessions.clients.guacamole import groups
from blendersessions.model.errors import DomainError

if TYPE_CHECKING:
    from blendersessions.clients.guacamole.client import GuacamoleClient
    from blendersessions.clients.guacamole.groups import Group

logger = logging.getLogger(__name__)


class Revision:
    """The revision in the mark of our group.

    Args:
        client: the client that sends the requests.
    """

    def __init__(self, client: GuacamoleClient) -> None:
        self._client = client
        self._group: Group | None = None
        self._lock = asyncio.Lock()
        self.current: int | None = None
        """The highest revision that was read or written; None before the first list of the group."""
        self._owed = False
        self.restored = True
        """Whether revoked rights may be back. At its start the operator does not know what happened before."""

    async def take(self, group: Group, before: int | None) -> None:
        """Take over the mark in a list of the group. After a restore, write a revision that no backup has.

        Args:
            group: the listed group.
            before: `current` when the list was requested. The revision may have grown since.
        """
        self._group, listed = group, group.mark.revision
        if before is None or self.current is None:
            self.current = listed
        elif not before <= listed <= self.current:
            self.restored = self._owed = True
            self.current = max(self.current, listed)
        if self._owed:
            await self.grow()

    async def grow(self) -> None:
        """Write a higher revision than ever before into the mark. If that fails, the next list tries it again."""
        async with self._lock:
            self._owed = True
            if self._group is None or self.current is None:
                return
            following = self.current + 1
            try:
                await groups.set_revision(self._client, self._group, following)
            except DomainError as error:
                logger.info("The mark of Guacamole's connection group is not written yet: %s", error)
                return
            self.current, self._owed = following, False
