"""A session in a simulated cluster, with a Guacamole and agents in a few dicts, which the real reconciler serves."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from blendersessions.clients.agent import AgentStatus
from blendersessions.model.access import (
    AccessView,
    ConnectionRecord,
    ConnectionSpec,
    SessionAccess,
    UserRecord,
    UserSpec,
)
from blendersessions.model.errors import Invalid, NotFound, System
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref
from blendersessions_operator.controller.informer import watched_kinds
from blendersessions_operator.controller.reconciler import reconcile
from unit.operator.api_server import Faulty, Server
from unit.operator.contexts import context_of
from unit.operator.factories import CONFINING, NOW

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable
    from datetime import tzinfo

    from blendersessions.clients.agent import AgentEndpoint

KEY = Ref("BlenderSession", "art", "cart")


@dataclass
class Guacamole(Faulty):
    """Guacamole behind the directory's methods. It has no cache, so its view is always current."""

    connections: dict[str, ConnectionRecord] = field(default_factory=dict)
    users: dict[str, UserRecord] = field(default_factory=dict)
    grants: set[tuple[str, str]] = field(default_factory=set)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    numbers: int = 0

    def __post_init__(self) -> None:
        Faulty.__init__(self)

    def view(self, access: SessionAccess) -> AccessView:
        records = {name: self.connections[name] for name in access.connections if name in self.connections}
        users = {name: self.users.get(name, UserRecord(name, exists=False)) for name in access.usernames}
        grants = frozenset(pair for pair in self.grants if pair[1] in records)
        return AccessView(True, "postgresql", records, users, grants)

    def user_lock(self, username: str) -> asyncio.Lock:
        import asyncio  # noqa: PLC0415 - a lock belongs to the loop of its run

        del username
        return asyncio.Lock()

    async def inspect(self, access: SessionAccess) -> None:
        raise AssertionError(f"nothing is unknown: {access}")

    async def create_connection(self, spec: ConnectionSpec) -> None:
        def made() -> None:
            self.numbers += 1
            if spec.key not in self.connections:
                record = ConnectionRecord(str(self.numbers), spec.name, "vnc", spec.attributes, spec.parameters)
                self.connections[spec.key] = record

        self._call(System.GUACAMOLE, made)

    async def update_connection(self, identifier: str, spec: ConnectionSpec) -> None:
        def updated() -> None:
            record = ConnectionRecord(identifier, spec.name, "vnc", spec.attributes, spec.parameters)
            self.connections[spec.key] = record

        self._call(System.GUACAMOLE, updated)

    async def remove_connection(self, name: str, access: SessionAccess) -> int:
        del access

        def removed() -> int:
            self.connections.pop(name, None)
            self.grants = {pair for pair in self.grants if pair[1] != name}
            return 0

        return int(self._call(System.GUACAMOLE, removed))

    async def look_up_user(self, username: str) -> UserRecord:
        return self.users.get(username, UserRecord(username, exists=False))

    async def create_user(self, user: UserSpec) -> None:
        self._call(System.GUACAMOLE, lambda: self.users.setdefault(user.username, self._made(user)))

    async def set_password(self, user: UserSpec) -> None:
        self._call(System.GUACAMOLE, lambda: self.users.update({user.username: self._made(user)}))

    def _made(self, user: UserSpec) -> UserRecord:
        self.passwords[user.username] = user.password
        return UserRecord(user.username, exists=True, made_for=user.namespace, fingerprint=user.fingerprint)

    async def remove_user(self, username: str, namespace: str) -> bool:
        def removed() -> bool:
            if username not in self.users or not self.users[username].ours(namespace):
                return False
            del self.users[username]
            self.grants = {pair for pair in self.grants if pair[0] != username}
            return True

        return bool(self._call(System.GUACAMOLE, removed))

    async def grant(self, username: str, name: str) -> None:
        def granted() -> None:
            if username not in self.users or name not in self.connections:
                raise NotFound("gone", System.GUACAMOLE)
            self.grants.add((username, name))

        self._call(System.GUACAMOLE, granted)

    async def revoke(self, username: str, name: str) -> int:
        return int(self._call(System.GUACAMOLE, lambda: bool(self.grants.discard((username, name)))))

    def sweep(self, wanted: Iterable[str]) -> None:
        """Remove the users that no session needs, as the sweep does after the grace period."""
        for username in self.users.keys() - set(wanted):
            del self.users[username]


class FakeAgents(Faulty):
    """The agents of all desktops."""

    def __init__(self) -> None:
        super().__init__()
        self.idle_seconds, self.full = 0.0, False
        self.scene = AgentStatus(0.0, ready=True, scene="cart.blend", blender_version="4.3.2")
        """What all of them say of their scene."""

    async def status(self, desktop: AgentEndpoint) -> AgentStatus:
        del desktop
        return cast("AgentStatus", self._call(System.AGENT, self._status))

    def _status(self) -> AgentStatus:
        return replace(self.scene, idle_seconds=self.idle_seconds)

    async def save(self, desktop: AgentEndpoint, timeout_seconds: float) -> str:
        del timeout_seconds
        if self.full:
            raise Invalid(f"The disk of {desktop.name} is full", System.AGENT)
        return str(self._call(System.AGENT, lambda: "/home/blender/cart.blend"))

    async def open_sample(self, desktop: AgentEndpoint, sample: str) -> None:
        del desktop, sample
        self._call(System.AGENT, lambda: None)

    async def notify(self, desktop: AgentEndpoint, message: str, seconds: float) -> None:
        del desktop, message, seconds
        self._call(System.AGENT, lambda: None)


def clock(now: Callable[[], datetime]) -> type[datetime]:
    """Return a `datetime` whose present is what `now` returns, so that no decision depends on the machine's speed."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:  # noqa: ANN401 - the base class would return its own class
            return now().astimezone(tz)

    return Clock


class Simulation:
    """One session, the systems around it, and the operator that serves it. `restart` clears the operator's memory."""

    def __init__(self) -> None:
        self.server, self.guacamole, self.agents = Server(now=self.now), Guacamole(), FakeAgents()
        self._seconds = 0.0
        self.restart()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self._seconds)

    def restart(self) -> None:
        self.context, self.queue = context_of(self.server, self.guacamole, agents=self.agents, installation=CONFINING)
        self.context.debouncer.clock = lambda: self._seconds

    def sync_caches(self) -> None:
        """Bring the caches up to date, as the informers do."""
        cache = self.context.cache
        for kind in (SESSION_KIND, CLASS_KIND, *watched_kinds(self.context.installation)):
            for ref in cache.uids(kind).keys() - self.server.objects.keys():
                cache.remove(ref)
        self.context.enqueue_waiting()
        for manifest in copy.deepcopy(list(self.server.objects.values())):
            cache.put(manifest)

    async def reconcile(self) -> bool:
        """Reconcile one second later than before, so that a time which changes without need is noticed.

        Requests to agents have ended afterwards. Their answers count at the next time.
        """
        self._seconds += 1
        with (
            patch("blendersessions_operator.controller.observer.datetime", clock(self.now)),
            patch("blendersessions_operator.controller.executor.datetime", clock(self.now)),
            patch("blendersessions_operator.controller.agent_calls.datetime", clock(self.now)),
        ):
            done = await reconcile(self.context, KEY)
            await self.context.agent_calls.idle()
            return done

    def session(self) -> Manifest | None:
        return self.server.objects.get(KEY)

    def pods(self) -> list[Manifest]:
        return [manifest for ref, manifest in self.server.objects.items() if ref.kind == "Pod"]
