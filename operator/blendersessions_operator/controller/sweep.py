"""Remove connections and users from Guacamole that no session needs, left by crashes or restored from backups."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from blendersessions.model.access import HOSTNAME, SessionAccess
from blendersessions.model.manifest import Ref
from blendersessions.model.names import user_secret_name
from blendersessions_operator.controller.informer import relist_sessions_and_classes
from blendersessions_operator.planning.observed import is_user_secret
from blendersessions_operator.planning.status_events import Event
from blendersessions_operator.planning.sweep import GracePeriod, Orphans, find_orphans, namespace_of

if TYPE_CHECKING:
    from blendersessions_operator.controller.context import ReconcilerContext

logger = logging.getLogger(__name__)

MAX_REMOVALS = 100
"""Largest number of orphans of a kind that one turn removes, so that a mistake is noticed before all are gone."""

Mode = Literal["Remove", "Report", "Off"]


@dataclass
class Sweeper:
    """Looks for orphans: connections and users of ours that no session needs."""

    mode: Mode
    connections: GracePeriod
    users: GracePeriod
    reported: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    """Orphans that were looked at and stay. They are not looked at again, as long as they are orphans."""
    stranded: dict[str, str] = field(default_factory=dict)
    """Those of them that lead to namespaces that are not served, with the namespace."""

    async def turn(self, context: ReconcilerContext, now: float) -> None:
        """Compare Guacamole's cache with sessions and pools, and remove the orphans whose grace period is over.

        Args:
            context: the clients and caches.
            now: seconds on a monotonic clock.
        """
        if self.mode == "Off":
            return
        orphans = _find(context)
        due = self._due(orphans, now)
        if any(due):
            # A session that a broken watch missed must not lose its connection.
            await relist_sessions_and_classes(context)
            orphans = _find(context)
            due = self._due(orphans, now)
        self.kept &= {*orphans.connections, *orphans.users}
        self.stranded = {name: self.stranded[name] for name in orphans.connections if name in self.stranded}
        self.reported &= {*orphans.connections, *orphans.users, *orphans.unmanaged, *self.stranded.values()}
        for name in orphans.unmanaged:
            message = f"The connection {name} is in the operator's group, and the operator did not make it. It stays."
            self._report(context, "Unmanaged", name, message)
        for name in [name for name in due[0] if name not in self.stranded][:MAX_REMOVALS]:
            await self._sweep_connection(context, name)
        for name in due[1][:MAX_REMOVALS]:
            await self._sweep_user(context, name)

    def _due(self, orphans: Orphans, now: float) -> tuple[list[str], list[str]]:
        """Return the connections and the users to look at: orphans whose grace period is over, but for those kept."""
        due = self.connections.due(orphans.connections, now), self.users.due(orphans.users, now)
        connections, users = ([name for name in names if name not in self.kept] for names in due)
        return connections, users

    async def _sweep_connection(self, context: ReconcilerContext, name: str) -> None:
        record = await context.guacamole.recheck_connection(name)
        if record is None or context.cache.needs_connection(name):
            return
        namespace = namespace_of(record)
        served = not context.namespaces or namespace in context.namespaces
        if not namespace or not served or self.mode == "Report":
            self.kept.add(name)
        if not namespace:
            message = f"The connection {name} has the name of a desktop and leads elsewhere. It stays."
            self._report(context, "Unmanaged", name, message)
        elif not served:
            self.stranded[name] = namespace
            message = (
                f"The namespace {namespace} is not served, and the connection {name} leads there. It stays. "
                "If there are sessions of this installation, serve it until they are deleted: see docs/operations.md."
            )
            self._report(context, "NamespaceNotServed", namespace, message)
        elif self.mode == "Report":
            self._report(context, "OrphanFound", name, f"The connection {name} belongs to no session. It stays.")
        else:
            host = (record.parameters or {}).get(HOSTNAME, "")
            access = SessionAccess((name,), hostname=host, reported_identifier=record.identifier)
            closed = await context.guacamole.remove_connection(name, access)
            context.metrics.swept("connection")
            message = f"Removed the connection {name}, which belongs to no session, and closed {closed} tunnels."
            self._report(context, "OrphanRemoved", name, message)

    async def _sweep_user(self, context: ReconcilerContext, username: str) -> None:
        user = context.guacamole.known_users().get(username)
        if user is None or context.cache.is_wanted(user.made_for, username):
            return
        if self.mode == "Report":
            self.kept.add(username)
            self._report(context, "OrphanFound", username, f"No session needs the user {username}. It stays.")
            return
        async with context.guacamole.user_lock(username):
            if context.cache.is_wanted(user.made_for, username):
                return
            removed = await context.guacamole.remove_user(username, user.made_for)
            ref = Ref("Secret", user.made_for, user_secret_name(username))
            secret = await context.read(ref)
            if secret is not None and is_user_secret(secret, username):
                await context.kubernetes.delete(ref, secret["metadata"]["uid"])
        if removed:
            context.metrics.swept("user")
            message = f"Removed the user {username} of the namespace {user.made_for}, which no session there needs."
            self._report(context, "OrphanRemoved", username, message)

    def _report(self, context: ReconcilerContext, reason: str, name: str, message: str) -> None:
        """Log a message and post it as an Event, once for each name."""
        if name in self.reported:
            return
        self.reported.add(name)
        logger.warning("%s", message)
        context.events.operator_event(
            Event("Normal" if reason.startswith("Orphan") else "Warning", reason, message, datetime.now(UTC))
        )


def _find(context: ReconcilerContext) -> Orphans:
    return find_orphans(
        context.guacamole.known_connections(),
        context.guacamole.known_users().values(),
        context.cache.needs_connection,
        context.cache.is_wanted,
        context.namespaces,
    )
