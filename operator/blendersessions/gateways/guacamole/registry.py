"""The operator's own connection group and what is in it, as last seen: the Guacamole half of a session's state.

Memory serves the steady state without a request; one list for all sessions refreshes it. Whoever changes something here
holds the key of the session, so there is one writer per name, and the lock of the user, so there is one per user.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from blendersessions.gateways.guacamole import connections, users
from blendersessions.model.access import AccessView, ConnectionRecord, ConnectionSpec, UserRecord
from blendersessions.model.errors import Conflict, DomainError, NotFound, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from blendersessions.gateways.guacamole.http import Http


class Registry:
    """What Guacamole knows of all sessions. Methods raise the domain errors of `model.errors`."""

    def __init__(self, http: Http, group: str) -> None:
        self._http = http
        self._group_name = group
        self._group = ""
        self._data_source = ""
        self._loaded = False
        self._records: dict[str, ConnectionRecord] = {}
        self._users: dict[str, UserRecord] = {}
        self._grants: defaultdict[str, set[str]] = defaultdict(set)
        self._user_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._list_lock = asyncio.Lock()
        self._started = 0
        self._freshest = 0
        self._touched: set[str] = set()
        """Names that were written while a list was on its way: memory knows better than that list."""

    def view(self, name: str, username: str) -> AccessView:
        """Return what is known, without a request."""
        record, user = self._records.get(name), self._users.get(username)
        granted = record is not None and username in self._grants[record.identifier]
        known = self._loaded and user is not None and (record is None or record.parameters is not None)
        return AccessView(known, self._data_source, record, user, granted)

    def user_lock(self, username: str) -> asyncio.Lock:
        """Return the lock that is held while a user is made or removed."""
        return self._user_locks[username]

    async def refresh(self) -> set[str]:
        """List the group anew and return the names that changed; callers at the same time share one request.

        A list that was on its way before the call is too old for the caller, so it waits for the next one.
        """
        asked = self._started
        async with self._list_lock:
            if self._freshest > asked:
                return set()
            self._started += 1
            number = self._started
            changed = await self._list()
            self._freshest = number
            return changed

    async def inspect(self, name: str, username: str) -> None:
        """Ask for what `view` does not know yet of a session."""
        if not self._loaded:
            await self.refresh()
        record = self._records.get(name)
        if record is not None and record.parameters is None:
            try:
                found = await connections.parameters(self._http, record.identifier)
                self._records[name] = record = replace(record, parameters=found)
            except NotFound:
                self._records.pop(name, None)
                record = None
        user = self._users.get(username)
        if user is None:
            user = await self.look_up_user(username)
        if record is None or not user.exists or username in self._grants[record.identifier]:
            return
        if await users.may_read(self._http, username, record.identifier, self._group):
            self._grants[record.identifier].add(username)

    async def create_connection(self, spec: ConnectionSpec) -> None:
        """Register a connection; one that exists already, from before a crash, is adopted."""
        try:
            identifier = await connections.create(self._http, self._group, spec)
        except (Conflict, OutcomeUnknown):
            await self.refresh()
            if spec.name not in self._records:
                raise
            return
        except DomainError:
            # The group may be gone: a create in it answers 500 then, and the next inspection makes it again.
            self._loaded = False
            raise
        if not identifier:
            self._loaded = False
            raise Unavailable(f"Guacamole gave no identifier for the connection {spec.name}; it is looked up.")
        self._touched.add(spec.name)
        self._records[spec.name] = ConnectionRecord(identifier, spec.name, "vnc", spec.attributes, spec.parameters)

    async def update_connection(self, identifier: str, spec: ConnectionSpec) -> None:
        """Make a connection what it should be."""
        try:
            await connections.replace(self._http, self._group, identifier, spec)
        except DomainError:
            self._loaded = False
            raise
        self._touched.add(spec.name)
        self._records[spec.name] = ConnectionRecord(identifier, spec.name, "vnc", spec.attributes, spec.parameters)

    async def remove_connection(self, name: str, last_identifier: str) -> int:
        """Remove a connection and then kill its tunnels, which a removal leaves open; return how many were killed."""
        await self.refresh()
        record = self._records.get(name)
        identifiers = {last_identifier} if last_identifier else set()
        if record is not None:
            await connections.remove(self._http, record.identifier)
            self._touched.add(name)
            self._records.pop(name, None)
            self._grants.pop(record.identifier, None)
            identifiers.add(record.identifier)
        return await connections.kill_tunnels(self._http, identifiers) if identifiers else 0

    async def look_up_user(self, username: str) -> UserRecord:
        """Ask for a user anew, whatever is known."""
        user = self._users[username] = await users.get(self._http, username, self._group_name)
        return user

    async def create_user(self, username: str, password: str, namespace: str) -> None:
        """Make a user for the sessions of a namespace; whoever exists by now is looked at again."""
        try:
            await users.create(self._http, username, password, self._group_name, namespace)
        except (Conflict, OutcomeUnknown):
            if not (await self.look_up_user(username)).exists:
                raise
            return
        self._users[username] = UserRecord(username, exists=True, made_for=namespace)

    async def remove_user(self, username: str, namespace: str) -> bool:
        """Remove a user if we made it for the namespace, and say whether that was so."""
        ours = (await users.get(self._http, username, self._group_name)).ours(namespace)
        if ours:
            await users.remove(self._http, username)
        self._users.pop(username, None)
        for granted in self._grants.values():
            granted.discard(username)
        return ours

    async def grant(self, username: str, identifier: str) -> None:
        """Let a user read a connection and the group, without which it is not in the user's list."""
        paths = (f"/connectionPermissions/{identifier}", f"/connectionGroupPermissions/{self._group}")
        try:
            await users.change(self._http, username, "add", paths)
        except DomainError:
            # Unknown users and connections are 404 or 500 here: what we thought we knew is asked again.
            self._users.pop(username, None)
            self._loaded = False
            raise
        self._grants[identifier].add(username)

    async def revoke(self, username: str, identifier: str) -> int:
        """Take a connection away from a user, then kill the user's tunnels on it; return how many were killed."""
        if (await users.get(self._http, username, self._group_name)).exists:
            await users.change(self._http, username, "remove", (f"/connectionPermissions/{identifier}",))
        self._grants[identifier].discard(username)
        return await connections.kill_tunnels(self._http, {identifier}, username)

    async def _list(self) -> set[str]:
        self._touched.clear()
        self._data_source = await self._http.data_source()
        self._group = self._group or await connections.ensure_group(self._http, self._group_name)
        try:
            listed = await connections.in_group(self._http, self._group)
        except NotFound:
            self._group = await connections.ensure_group(self._http, self._group_name)
            listed = await connections.in_group(self._http, self._group)
        known = self._records
        for name in self._touched:
            listed.pop(name, None)
            if name in known:
                listed[name] = known[name]
        changed = set()
        for name, record in listed.items():
            former = known.get(name)
            if former is not None and replace(former, parameters=None) == replace(record, parameters=None):
                listed[name] = former
            else:
                changed.add(name)
        changed |= known.keys() - listed.keys()
        self._records = listed
        alive = {record.identifier for record in listed.values()}
        for identifier in self._grants.keys() - alive:
            del self._grants[identifier]
        self._loaded = True
        return changed
