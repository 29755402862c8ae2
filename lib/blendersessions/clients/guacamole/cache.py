"""The last known state of Guacamole, from lists and from our own changes: plain data, without a request."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from blendersessions.model.access import AccessView, ConnectionRecord, SessionAccess, UserRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass
class GuacamoleCache:
    """Connections, users and grants. A change that we made while a list was on its way takes precedence over the list.

    The caller sends the requests, and hands their answers to the `take_` and `put` methods.
    """

    group: str = ""
    data_source: str = ""
    loaded: bool = False
    users_loaded: bool = False
    connections: dict[str, ConnectionRecord] = field(default_factory=dict)
    """By key, which its name should have; somebody may have renamed it in Guacamole."""
    users: dict[str, UserRecord] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    """The number of existing users by the namespace that they were made for."""
    creating: Counter[str] = field(default_factory=Counter)
    """The number of users that are being made, by namespace."""
    grants: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The users who may read a connection, by its name. A restored database gives identifiers to other connections."""
    rights_known: set[str] = field(default_factory=set)
    """Users whose grants were read."""
    without_group: set[str] = field(default_factory=set)
    """Users of these who may not read the group, so that a grant needs to be repeated before it shows."""
    restored: bool = False
    """Whether the lists show that the database was restored: a user has the mark of an earlier password."""
    lost: dict[str, str] = field(default_factory=dict)
    """The identifiers of connections that left the list, by name: they were deleted, renamed or moved."""
    looked_up: set[tuple[str, str]] = field(default_factory=set)
    """Names and identifiers that were looked up outside of the group."""
    written: set[str] = field(default_factory=set)
    """Names of connections that changed since the request for their last list."""
    users_written: set[str] = field(default_factory=set)
    """Names of users that changed since the request for their last list."""

    def view(self, access: SessionAccess) -> AccessView:
        """Return what is known of a session's connections and users."""
        records = {name: self.connections[name] for name in access.connections if name in self.connections}
        users = {name: self.users[name] for name in access.usernames if name in self.users}
        incomplete = self.without_group & set(access.usernames)
        grants = frozenset(
            (user, name) for name in records for user in self.grants.get(name, ()) if user not in incomplete
        )
        inspected = (
            self._connections_known(access, records)
            and len(users) == len(set(access.usernames))
            and (not records or self._rights_known_of(users))
        )
        made = self.made[access.namespace] + self.creating[access.namespace]
        return AccessView(inspected, self.data_source, records, users, grants, made)

    def _connections_known(self, access: SessionAccess, records: Mapping[str, ConnectionRecord]) -> bool:
        """Return whether the connections were listed, those outside the group looked up, and all parameters read."""
        return (
            self.loaded
            and all(record.parameters is not None for record in records.values())
            and not self.missing(access)
        )

    def _rights_known_of(self, users: Mapping[str, UserRecord]) -> bool:
        """Return whether the grants of all existing users were read."""
        return all(user.username in self.rights_known for user in users.values() if user.exists)

    def missing(self, access: SessionAccess) -> dict[str, str]:
        """Return the identifiers to look up, by name: those of connections that are not in the group's list."""
        missing: dict[str, str] = {}
        for name in access.connections:
            identifier = self.lost.get(name) or access.identifier_of(name)
            if name not in self.connections and identifier and (name, identifier) not in self.looked_up:
                missing[name] = identifier
        return missing

    def put(self, name: str, record: ConnectionRecord) -> None:
        """Cache a connection that was written or looked up."""
        former = self.connections.get(name)
        if former is not None and former.identifier != record.identifier:
            self.grants.pop(name, None)
        self.connections[name] = record
        self.written.add(name)
        self.lost.pop(name, None)

    def drop(self, name: str) -> None:
        """Remove a connection that is gone."""
        self.connections.pop(name, None)
        self.grants.pop(name, None)
        self.lost.pop(name, None)
        self.written.add(name)

    def put_user(self, user: UserRecord) -> None:
        """Cache a user that was written or looked up. A user that does not exist has no grants."""
        former = self.users.get(user.username)
        self._set_user(user)
        self.users_written.add(user.username)
        if not user.exists or (former is not None and not former.exists):
            self.forget_grants(user.username)
        if not user.exists:
            self.rights_known.discard(user.username)

    def _set_user(self, user: UserRecord) -> None:
        former = self.users.get(user.username)
        if former is not None and former.exists:
            self.made[former.made_for] -= 1
        self.users[user.username] = user
        if user.exists:
            self.made[user.made_for] += 1

    def unlisted(self, username: str) -> UserRecord | None:
        """Cache a user as not existing if the last list lacks it. Return None if it is listed, or has changed since."""
        if username in self.users or username in self.users_written:
            return None
        self._set_user(UserRecord(username, exists=False))
        return self.users[username]

    def drop_user(self, username: str) -> None:
        """Forget a user, so that it is asked for again."""
        self._set_user(UserRecord(username, exists=False))
        del self.users[username]
        self.users_written.add(username)
        self.forget_grants(username)

    def forget_grants(self, username: str) -> None:
        """Forget a user's grants, so that they are read again."""
        self.rights_known.discard(username)
        self.without_group.discard(username)
        for granted in self.grants.values():
            granted.discard(username)

    def take_rights(self, username: str, readable: Collection[str], *, group: bool) -> set[str]:
        """Cache what a user may read; return the names of connections for which that changed.

        Args:
            username: the user.
            readable: identifiers of connections.
            group: whether the user may read our group.
        """
        changed = set()
        incomplete = username in self.without_group
        (self.without_group.discard if group else self.without_group.add)(username)
        for name, record in self.connections.items():
            had, has = username in self.grants.get(name, ()), record.identifier in readable
            if has:
                self.grants[name].add(username)
            elif had:
                self.grants[name].discard(username)
            if had != has or (has and incomplete == group):
                changed.add(name)
        self.rights_known.add(username)
        return changed

    def take_connections(self, group: str, listed: Mapping[str, ConnectionRecord]) -> set[str]:
        """Cache a list of the group's connections; return the names that changed."""
        merged = dict(listed)
        for name in self.written:
            merged.pop(name, None)
            if name in self.connections:
                merged[name] = self.connections[name]
        changed = set()
        for name, record in merged.items():
            former = self.connections.get(name)
            if former is not None and replace(former, parameters=None) == replace(record, parameters=None):
                merged[name] = former
            else:
                changed.add(name)
                if former is None or former.identifier != record.identifier:
                    self.grants.pop(name, None)
        for name in self.connections.keys() - merged.keys():
            changed.add(name)
            self.lost[name] = self.connections[name].identifier
            self.looked_up.discard((name, self.lost[name]))
            self.grants.pop(name, None)
        self.connections, self.group, self.loaded = merged, group, True
        return changed

    def take_users(self, listed: Mapping[str, UserRecord]) -> set[str]:
        """Cache a list of all users; return the names that changed."""
        changed = set()
        for username in self.users.keys() | listed.keys():
            if username in self.users_written:
                continue
            former, found = self.users.get(username), listed.get(username)
            if found is None:
                if former is not None and former.exists:
                    changed.add(username)
                    self.forget_grants(username)
                    self._set_user(UserRecord(username, exists=False))
            elif former is None:
                self._set_user(found)
                if self.users_loaded:
                    changed.add(username)
            elif not former.exists:
                # Somebody else created it, perhaps from a backup.
                changed.add(username)
                self.forget_grants(username)
                self._set_user(found)
            elif former != found:
                changed.add(username)
                self._set_user(found)
                self.restored |= former.made_for == found.made_for and former.fingerprint != found.fingerprint
        self.users_loaded = True
        return changed
