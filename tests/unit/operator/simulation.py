"""An API server, a Guacamole, a kubelet and agents in a few dicts, for the operator's real reconciler to work with."""

from __future__ import annotations

import copy
import uuid
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
from blendersessions.model.errors import Conflict, Invalid, NotFound, System, Unavailable
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref, ref_of
from blendersessions_operator.controller.informer import watched_kinds
from blendersessions_operator.controller.reconciler import reconcile
from blendersessions_operator.resources.network_policy import CLOSED, PUBLIC
from status_rules import StatusRules
from unit.operator.contexts import context_of
from unit.operator.factories import CONFINING, NOW

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable
    from datetime import tzinfo

    from blendersessions.clients.agent import AgentEndpoint

KEY = Ref("BlenderSession", "art", "cart")
POLICIES = (CLOSED, PUBLIC)
Fault = str
"""`` (none), `refused` (nothing was done) or `lost` (it was done, and the answer did not come)."""


class Faulty:
    """Calls that may fail before or after they were carried out."""

    def __init__(self) -> None:
        self.next_fault: Callable[[], Fault] = lambda: ""
        self.calls = 0

    def _call(self, system: System, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work returns
        self.calls += 1
        fault = self.next_fault()
        if fault == "refused":
            raise Unavailable(f"{system} is away", system)
        answer = work()
        if fault == "lost":
            raise Unavailable(f"{system}'s answer is lost", system)
        return answer


class Server(Faulty):
    """The API server behind the client `Kubernetes`. It fails at a status that breaks the rules."""

    def __init__(self, now: Callable[[], datetime] = lambda: NOW) -> None:
        super().__init__()
        self.objects: dict[Ref, Manifest] = {}
        self._now = now
        self.pods_made = 0
        self.expiries: list[datetime] = []
        """When the operator scaled an expired session to 0."""
        self.open_pods_made = 0
        """Those that were made while their namespace lacked a network policy."""
        self._version = 100
        self._rules = StatusRules()

    async def get(self, ref: Ref) -> Manifest:
        return dict(copy.deepcopy(self._call(System.KUBERNETES, lambda: self._found(ref))))

    async def create(self, manifest: Manifest) -> Manifest:
        if manifest["kind"] == "Event":
            return manifest
        return dict(copy.deepcopy(self._call(System.KUBERNETES, lambda: self._made(manifest))))

    async def apply(self, manifest: Manifest) -> Manifest:
        if "uid" not in manifest["metadata"] and ref_of(manifest) not in self.objects:
            return await self.create(manifest)
        return await self.merge(ref_of(manifest), manifest)

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        return dict(copy.deepcopy(self._call(System.KUBERNETES, lambda: self._merged(ref, patch))))

    async def strategic_merge(self, ref: Ref, patch: Manifest) -> Manifest:
        def merged() -> Manifest:
            owners = self._found(ref)["metadata"].setdefault("ownerReferences", [])
            owners += patch["metadata"]["ownerReferences"]
            return self.touched(ref)

        return dict(copy.deepcopy(self._call(System.KUBERNETES, merged)))

    async def patch(self, ref: Ref, operations: list[Manifest]) -> Manifest:
        return dict(copy.deepcopy(self._call(System.KUBERNETES, lambda: self._patched(ref, operations))))

    async def replace(self, manifest: Manifest, subresource: str) -> Manifest:
        assert subresource == "status"
        return dict(copy.deepcopy(self._call(System.KUBERNETES, lambda: self._with_status(manifest))))

    async def scale(self, ref: Ref, uid: str, replicas: int, version: str = "") -> None:
        """Scale an object, as the operator does at an expiry, whose reason it has recorded before."""

        def scaled() -> None:
            found = self._found(ref)
            if (uid, version) != (found["metadata"]["uid"], found["metadata"]["resourceVersion"]):
                raise Conflict("another one by now", System.KUBERNETES)
            assert found["status"]["suspension"]["reason"] in ("Idle", "MaxAge")
            assert found["spec"].get("replicas", 1) == 1, "nothing is scaled twice"
            self.expiries.append(self._now())
            self.change_spec(ref, {"replicas": replicas})

        self._call(System.KUBERNETES, scaled)

    def change_spec(self, ref: Ref, wanted: Manifest) -> None:
        """Merge a patch into a spec. What changes nothing is not written, and makes no new generation."""
        former = self.objects[ref]["spec"]
        if {key: former.get(key) for key in wanted} != wanted:
            self._merged(ref, {"spec": wanted})["metadata"]["generation"] += 1

    async def delete(self, ref: Ref, uid: str, grace_seconds: int | None = None, version: str = "") -> None:
        del grace_seconds

        def deleted() -> None:
            found = self.objects.get(ref)
            if found is None or found["metadata"]["uid"] != uid:
                return
            if version in ("", found["metadata"]["resourceVersion"]):
                self._end(ref)

        self._call(System.KUBERNETES, deleted)

    def _end(self, ref: Ref) -> None:
        """Remove an object, or mark it while a finalizer holds it."""
        metadata = self.objects[ref]["metadata"]
        if not metadata.get("finalizers"):
            self.collect(ref)
        elif not metadata.get("deletionTimestamp"):
            metadata["deletionTimestamp"] = self._now().isoformat()
            self.touched(ref)

    def collect(self, ref: Ref) -> None:
        """Remove an object, and all that it owned."""
        gone = self.objects.pop(ref)["metadata"]["uid"]
        for other, manifest in list(self.objects.items()):
            owners = manifest["metadata"].get("ownerReferences")
            if owners and all(owner["uid"] == gone for owner in owners):
                self._end(other)

    def touched(self, ref: Ref) -> Manifest:
        self._version += 1
        self.objects[ref]["metadata"]["resourceVersion"] = str(self._version)
        return self.objects[ref]

    def _found(self, ref: Ref) -> Manifest:
        if ref not in self.objects:
            raise NotFound(f"{ref} is not there", System.KUBERNETES)
        return self.objects[ref]

    def _made(self, manifest: Manifest) -> Manifest:
        ref = ref_of(manifest)
        if ref in self.objects:
            raise Conflict(f"{ref} exists", System.KUBERNETES)
        made = copy.deepcopy(manifest)
        made["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": self._now().isoformat()}
        self.objects[ref] = made
        if ref.kind == "Pod":
            self.pods_made += 1
            self.open_pods_made += not all(
                Ref("NetworkPolicy", ref.namespace, name) in self.objects for name in POLICIES
            )
        return self.touched(ref)

    def _merged(self, ref: Ref, patch: Manifest) -> Manifest:
        found = self._found(ref)
        meta = patch.get("metadata") or {}
        if any(meta.get(key, found["metadata"][key]) != found["metadata"][key] for key in ("uid", "resourceVersion")):
            raise Conflict("another one by now", System.KUBERNETES)
        if "ownerReferences" in meta:
            found["metadata"]["ownerReferences"] = copy.deepcopy(meta["ownerReferences"])
        for part in ("spec", "data"):
            if part in patch:
                merged = found.setdefault(part, {}) | patch[part]
                found[part] = {key: value for key, value in merged.items() if value is not None}
        for part in ("labels", "annotations"):
            if part in meta:
                found["metadata"].setdefault(part, {}).update(meta[part])
        return self.touched(ref)

    def _with_status(self, manifest: Manifest) -> Manifest:
        """Replace the status of a session or a class, in one version."""
        ref, metadata = ref_of(manifest), manifest["metadata"]
        found = self._found(ref)
        if any(metadata[key] != found["metadata"][key] for key in ("uid", "resourceVersion")):
            raise Conflict("another one by now", System.KUBERNETES)
        if ref.kind == CLASS_KIND:
            found["status"] = copy.deepcopy(manifest["status"])
            return self.touched(ref)
        self._rules.see(found)
        found["status"] = copy.deepcopy(manifest["status"])
        written = self.touched(ref)
        self._rules.see(written)
        self._rules.check()
        return written

    def _patched(self, ref: Ref, operations: list[Manifest]) -> Manifest:
        """Carry out the patch that the operator sends: of a session's finalizers, in one version."""
        found = self._found(ref)
        seen, change = operations
        assert (seen["op"], seen["path"], change["op"]) == ("replace", "/metadata/resourceVersion", "add")
        if seen["value"] != found["metadata"]["resourceVersion"]:
            raise Conflict("another one by now", System.KUBERNETES)
        assert change["path"] == "/metadata/finalizers"
        found["metadata"]["finalizers"] = list(change["value"])
        changed = self.touched(ref)
        if not found["metadata"]["finalizers"] and found["metadata"].get("deletionTimestamp"):
            self.collect(ref)
        return changed


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
        self.server, self.guacamole, self.agents = Server(self.now), Guacamole(), FakeAgents()
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
