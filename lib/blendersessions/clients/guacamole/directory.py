"""The connections, users and grants of all sessions: how the operator reads and changes them.

In the steady state the cache answers without a request. Two lists for all sessions refresh it. A change is made under
the session's key in the work queue and under the user's lock, so each connection and each user has one writer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from blendersessions.clients.guacamole import connections, groups, tunnels, users
from blendersessions.clients.guacamole.batching import Batched, SharedRequest
from blendersessions.clients.guacamole.cache import GuacamoleCache
from blendersessions.clients.guacamole.revision import Revision
from blendersessions.clients.guacamole.rights_check import RightsCheck
from blendersessions.model.access import (
    AccessView,
    ConnectionRecord,
    ConnectionSpec,
    SessionAccess,
    Tunnel,
    UserRecord,
    UserSpec,
)
from blendersessions.model.errors import (
    Conflict,
    DomainError,
    GroupTaken,
    NotFound,
    OutcomeUnknown,
    System,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from blendersessions.clients.guacamole.client import GuacamoleClient
    from blendersessions.clients.guacamole.marks import Installation

LATE_TUNNEL_SECONDS = 120.0
"""After a user lost a connection, tunnels that were being opened at that moment are closed for this time."""


class GuacamoleDirectory:
    """Our connections, users and grants in Guacamole. Methods raise the errors of `model.errors`.

    Args:
        client: the client that sends the requests.
        installation: whose connections and users they are.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self, client: GuacamoleClient, installation: Installation, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._installation = installation
        self._clock = clock
        self._cache = GuacamoleCache()
        self._user_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._connection_list = SharedRequest(self._list_connections)
        self._user_list = SharedRequest(self._list_users)
        self._tunnel_list = SharedRequest(self._list_tunnels)
        self._creations = Batched[ConnectionSpec, str](
            lambda specs: connections.create_all(client, self._cache.group, specs),
            lambda spec: connections.create(client, self._cache.group, spec),
        )
        self._user_creations = Batched[UserSpec, None](
            lambda new: users.create_all(client, new, installation),
            lambda user: users.create(client, user, installation),
        )
        self._removals = Batched[str, None](lambda keys: connections.remove(client, keys))
        self._user_removals = Batched[str, None](lambda keys: users.remove(client, keys))
        self._revoked_until: dict[tuple[str, str | None], float] = {}
        """Until when new tunnels are closed, by connection identifier and user; the user None means all users."""
        self._checks: deque[str] = deque()
        self._revision = Revision(client)
        self._rights_check = RightsCheck(client, self._cache)

    def view(self, access: SessionAccess) -> AccessView:
        """Return the cached state of a session, without a request."""
        return self._cache.view(access)

    def known_connections(self) -> dict[str, ConnectionRecord]:
        """Return all connections of the group by key, as of the last list and the changes since."""
        return dict(self._cache.connections)

    def known_users(self) -> dict[str, UserRecord]:
        """Return all users by name, as of the last list and the changes since."""
        return dict(self._cache.users)

    def user_lock(self, username: str) -> asyncio.Lock:
        """Return the lock to hold while a user is created or removed; it is freed when nobody holds or awaits it."""
        return self._user_locks.setdefault(username, asyncio.Lock())

    async def refresh(self) -> set[str]:
        """List the group's connections, and return the names that changed."""
        return await self._connection_list.get()

    async def refresh_users(self) -> set[str]:
        """List the users, and return the names that changed."""
        return await self._user_list.get()

    async def tunnels(self) -> list[Tunnel]:
        """List the tunnels on all connections, and close those that opened just after a user lost the connection."""
        running = await self._tunnel_list.get()
        now = self._clock()
        self._revoked_until = {pair: until for pair, until in self._revoked_until.items() if until > now}
        revoked = self._revoked_until.keys()
        late = [each for each in running if revoked & {(each.connection, None), (each.connection, each.username)}]
        await tunnels.kill(self._client, late)
        return [each for each in running if each not in late]

    async def inspect(self, access: SessionAccess) -> None:
        """Read from Guacamole what the cache lacks for the `view` of a session."""
        cache = self._cache
        if not cache.loaded:
            await self.refresh()
        if not cache.users_loaded:
            await self.refresh_users()
        for name, identifier in cache.missing(access).items():
            found = await connections.find(self._client, cache.group, identifier)
            cache.looked_up.add((name, identifier))
            # Somebody renamed or moved the connection. After a restore another connection may have its identifier, so
            # only one that leads to the session's desktop counts.
            if found is not None and found.leads_to(access.hostname) and name not in cache.connections:
                cache.put(name, found)
        for name in access.connections:
            await self._read_parameters(name)
        for username in access.usernames:
            await self._read_rights(username, access.connections)

    async def create_connection(self, spec: ConnectionSpec) -> None:
        """Create a connection. One that was created before a crash is adopted."""
        cache = self._cache
        try:
            identifier = await self._creations.add(spec)
        except (Conflict, OutcomeUnknown):
            await self.refresh()
            if spec.key not in cache.connections:
                raise
            return
        except DomainError:
            # The group may be gone (`connection-create-unknown-parent`). The next inspection creates it again.
            cache.loaded = False
            raise
        if not identifier:
            cache.loaded = False
            raise Unavailable(
                f"Guacamole gave no identifier for the connection {spec.name}; it is looked up.", System.GUACAMOLE
            )
        cache.put(spec.key, ConnectionRecord(identifier, spec.name, "vnc", spec.attributes, spec.parameters))

    async def update_connection(self, identifier: str, spec: ConnectionSpec) -> None:
        """Give a connection the values of the spec, and move it into our group."""
        try:
            await connections.replace(self._client, self._cache.group, identifier, spec)
        except DomainError:
            self._cache.loaded = False
            self._cache.drop(spec.key)
            raise
        self._cache.put(spec.key, ConnectionRecord(identifier, spec.name, "vnc", spec.attributes, spec.parameters))

    async def recheck_connection(self, name: str) -> ConnectionRecord | None:
        """Read the parameters of a connection again, and return it; None if it is not in the group."""
        record = self._cache.connections.get(name)
        if record is not None:
            self._cache.connections[name] = replace(record, parameters=None)
            await self._read_parameters(name)
        return self._cache.connections.get(name)

    async def remove_connection(self, name: str, access: SessionAccess) -> int:
        """Remove a connection, then close its tunnels, which a removal leaves open; return the number of tunnels.

        A connection outside of the group is removed too if it leads to the session's desktop. Another connection that
        has the reported identifier now is left alone.
        """
        cache, hostname, reported = self._cache, access.hostname, access.identifier_of(name)
        try:
            if not cache.loaded:
                await self.refresh()
        except GroupTaken:
            if reported:
                raise
            # The session was never registered, since the group is another installation's.
            return 0
        record = cache.connections.get(name)
        identifier = record.identifier if record is not None else cache.lost.get(name) or reported
        if not identifier:
            return 0
        if record is None:
            found = await connections.find(self._client, cache.group, identifier)
            if found is not None and not found.leads_to(hostname):
                cache.drop(name)
                return 0
            record = found
        elif record.parameters is None:
            await self._read_parameters(name)
            record = cache.connections.get(name)
        if record is not None and (record.leads_to(hostname) or record.identifier == reported):
            await self._removals.add(record.identifier)
        elif record is not None:
            return 0
        cache.drop(name)
        return await self._close_tunnels(identifier, None)

    async def look_up_user(self, username: str) -> UserRecord:
        """Look up a user in Guacamole, not in the cache."""
        user = await users.get(self._client, username, self._installation)
        known = self._cache.users.get(username)
        if known != user:
            self._cache.put_user(user)
        return self._cache.users[username]

    async def create_user(self, new: UserSpec) -> None:
        """Create a user for the sessions of a namespace. An existing user of ours gets the password."""
        self._cache.creating[new.namespace] += 1
        try:
            await self._user_creations.add(new)
        except (Conflict, OutcomeUnknown):
            user = await self.look_up_user(new.username)
            if not user.exists:
                raise
            if user.ours(new.namespace):
                await self.set_password(new)
            return
        finally:
            self._cache.creating[new.namespace] -= 1
        self._cache.put_user(_made(new))
        self._cache.rights_known.add(new.username)

    async def set_password(self, user: UserSpec) -> None:
        """Set the password and the mark of a user of ours."""
        try:
            await users.set_password(self._client, user, self._installation)
        except NotFound:
            self._cache.drop_user(user.username)
            raise
        self._cache.put_user(_made(user))

    async def remove_user(self, username: str, namespace: str) -> bool:
        """Remove a user if we made it for the namespace; return whether we did."""
        ours = (await users.get(self._client, username, self._installation)).ours(namespace)
        if ours:
            await self._user_removals.add(username)
        self._cache.drop_user(username)
        return ours

    async def grant(self, username: str, name: str) -> None:
        """Let a user read a connection and its group, without which the user's home page does not show it."""
        record = self._cache.connections.get(name)
        if record is None:
            raise NotFound(f"The connection {name} is gone from Guacamole; it is created again.", System.GUACAMOLE)
        paths = (f"/connectionPermissions/{record.identifier}", f"/connectionGroupPermissions/{self._cache.group}")
        try:
            await users.change(self._client, username, "add", paths)
        except DomainError:
            # The user or the connection may be gone (404 or 500). Both are read again.
            self._cache.drop_user(username)
            self._cache.loaded = False
            raise
        self._cache.grants[name].add(username)
        self._cache.without_group.discard(username)
        self._revoked_until.pop((record.identifier, username), None)

    async def revoke(self, username: str, name: str) -> int:
        """Revoke a user's grant, then close the user's tunnels on the connection; return the number of tunnels."""
        record = self._cache.connections.get(name)
        if record is None:
            return 0
        if (await users.get(self._client, username, self._installation)).exists:
            await users.change(self._client, username, "remove", (f"/connectionPermissions/{record.identifier}",))
        self._cache.grants[name].discard(username)
        closed = await self._close_tunnels(record.identifier, username)
        await self._revision.grow()
        return closed

    @property
    def rights_doubtful(self) -> bool:
        """Whether rights that were revoked may be there again, because the database may have been restored."""
        return self._revision.restored or self._cache.restored or self._rights_check.pending

    async def check_rights(self) -> set[str]:
        """Read the rights of users while these are doubtful, a part of them in each call.

        Returns:
            The names of connections that other users may read than was known.
        """
        if self._revision.restored or self._cache.restored:
            self._revision.restored = self._cache.restored = False
            self._rights_check.begin()
        return await self._rights_check.read_some()

    async def check_next(self) -> set[str]:
        """Read the grants of one user or the parameters of one connection; return the names that changed.

        No list contains these. Each call sends one request about the next user or connection, so changes that an
        administrator made are found in turn.
        """
        cache = self._cache
        if not self._checks:
            self._checks.extend(f"/{username}" for username in sorted(cache.rights_known))
            self._checks.extend(sorted(cache.connections))
        while self._checks:
            key = self._checks.popleft()
            if key.startswith("/") and key[1:] in cache.rights_known:
                return await self._rights_check.read(key[1:])
            if key in cache.connections:
                former = cache.connections[key]
                return {key} if await self.recheck_connection(key) != former else set()
        return set()

    async def _close_tunnels(self, identifier: str, username: str | None) -> int:
        """Close the tunnels of one user or of all users on a connection, including those that are being opened."""
        self._revoked_until[identifier, username] = self._clock() + LATE_TUNNEL_SECONDS
        running = await self._tunnel_list.get()
        closed = [each for each in running if each.connection == identifier and username in (None, each.username)]
        await tunnels.kill(self._client, closed)
        return len(closed)

    async def _read_rights(self, username: str, names: Sequence[str]) -> None:
        """Look up a user, and read the user's rights if the session has a connection."""
        cache = self._cache
        # Nobody else creates a user with a name made from the session's UID, so the last list suffices for it.
        listed = cache.unlisted(username) if username in names else None
        user = cache.users.get(username) or listed or await self.look_up_user(username)
        if user.exists and username not in cache.rights_known and not cache.connections.keys().isdisjoint(names):
            await self._rights_check.read(username)

    async def _read_parameters(self, name: str) -> None:
        record = self._cache.connections.get(name)
        if record is None or record.parameters is not None:
            return
        try:
            found = await connections.parameters(self._client, record.identifier)
        except NotFound:
            self._cache.connections.pop(name, None)
            return
        if self._cache.connections.get(name) is record:
            self._cache.connections[name] = replace(record, parameters=found)

    async def _list_connections(self) -> set[str]:
        cache = self._cache
        cache.written.clear()
        cache.data_source = await self._client.data_source()
        revision = self._revision.current
        try:
            group = await groups.read_group(self._client, self._installation, cache.group)
        except GroupTaken:
            # Nothing may be decided from what was known of a group that is not ours any more.
            cache.loaded, cache.group = False, ""
            self._installation = replace(self._installation, former_groups=frozenset())
            raise
        await self._revision.take(group, revision)
        self._installation = replace(self._installation, former_groups=frozenset({self._installation.group}))
        return cache.take_connections(group.identifier, group.connections)

    async def _list_users(self) -> set[str]:
        self._cache.users_written.clear()
        return self._cache.take_users(await users.list_all(self._client, self._installation))

    async def _list_tunnels(self) -> list[Tunnel]:
        return await tunnels.running(self._client)


def _made(user: UserSpec) -> UserRecord:
    """Return the record of a user whom we have just made or changed."""
    return UserRecord(user.username, exists=True, made_for=user.namespace, fingerprint=user.fingerprint)
