"""Remove from Guacamole what no session needs: the way back from crashes and restores that nothing else tells of."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from blendersessions.handlers.events import Note
from blendersessions.handlers.listing import relist
from blendersessions.model.manifest import Ref
from blendersessions.model.names import user_secret_name
from blendersessions.planning.observed import is_user_secret
from blendersessions.planning.sweep import Grace, Orphans, find_orphans, namespace_of

if TYPE_CHECKING:
    from blendersessions.handlers.context import World

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""Orphans that one turn removes at most, so that a mistake of ours is noticed before it is complete."""

Mode = Literal["Remove", "Report", "Off"]


@dataclass
class Sweeper:
    """Looks for orphans, turn by turn."""

    mode: Mode
    connections: Grace
    users: Grace
    told: set[str] = field(default_factory=set)

    async def turn(self, world: World, now: float) -> None:
        """Look at what the last lists told, and remove what has been an orphan for long enough."""
        if self.mode == "Off":
            return
        found = _find(world)
        due = self.connections.due(found.connections, now), self.users.due(found.users, now)
        if any(due):
            # A session that a broken watch did not tell of must not lose its connection.
            await relist(world)
            found = _find(world)
            due = self.connections.due(found.connections, now), self.users.due(found.users, now)
        self.told &= {*found.connections, *found.users, *found.strangers}
        for name in found.strangers:
            self._tell(world, "Stranger", name, f"The connection {name} is in our group and none of ours. It stays.")
        for name in due[0][:AT_ONCE]:
            await self._connection(world, name)
        for name in due[1][:AT_ONCE]:
            await self._user(world, name)

    async def _connection(self, world: World, name: str) -> None:
        record = await world.registry.recheck_connection(name)
        if record is None or world.store.session_named(name) is not None:
            return
        namespace = namespace_of(record)
        if not namespace:
            self._tell(
                world, "Stranger", name, f"The connection {name} bears a name of ours and leads elsewhere. It stays."
            )
        elif world.namespaces and namespace not in world.namespaces:
            return
        elif self.mode == "Report":
            self._tell(world, "OrphanFound", name, f"No session stands behind the connection {name}. It stays.")
        else:
            host = (record.parameters or {}).get("hostname", "")
            closed = await world.registry.remove_connection(name, host, record.identifier)
            world.metrics.swept("connection")
            message = f"Removed the connection {name}, which no session stands behind, with {closed} running tunnels."
            self._tell(world, "OrphanRemoved", name, message)

    async def _user(self, world: World, username: str) -> None:
        user = world.registry.known_users().get(username)
        if user is None or world.store.is_wanted(user.made_for, username):
            return
        if self.mode == "Report":
            self._tell(world, "OrphanFound", username, f"No session needs the user {username}. It stays.")
            return
        async with world.registry.user_lock(username):
            if world.store.is_wanted(user.made_for, username):
                return
            removed = await world.registry.remove_user(username, user.made_for)
            ref = Ref("Secret", user.made_for, user_secret_name(username))
            secret = world.store.get(ref)
            if secret is not None and is_user_secret(secret, username):
                await world.kubernetes.delete(ref, secret["metadata"]["uid"])
        if removed:
            world.metrics.swept("user")
            message = f"Removed the user {username}, whom we made for {user.made_for} and no session there needs."
            self._tell(world, "OrphanRemoved", username, message)

    def _tell(self, world: World, reason: str, name: str, message: str) -> None:
        """Say it once in the log and by an Event."""
        if name in self.told:
            return
        self.told.add(name)
        logger.warning("%s", message)
        world.events.tell_of_operator(Note("Warning" if reason == "Stranger" else "Normal", reason, message))


def _find(world: World) -> Orphans:
    return find_orphans(
        world.registry.known_connections(),
        world.registry.known_users().values(),
        lambda name: world.store.session_named(name) is not None,
        world.store.is_wanted,
        world.namespaces,
    )
