"""A pool in a few dicts: what the API server, the kubelet and Guacamole make of the steps of its plan."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from blendersessions.model.access import AccessView, ConnectionRecord
from blendersessions.model.desktop import Desktop
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.names import name_for
from blendersessions.model.secret_data import DesktopCredentials
from blendersessions.model.session_class import parse_session_class
from blendersessions_operator.planning import pool_steps, steps
from blendersessions_operator.planning.pool import plan_pool
from blendersessions_operator.planning.pool_observed import PoolMember, PoolObserved, is_outdated
from blendersessions_operator.planning.room import RoomWanted
from blendersessions_operator.resources.pool_desktop import pool_pod, pool_secret, typical_session
from unit.operator.factories import NOW, PROFILE

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session_class import SessionClass
    from blendersessions_operator.planning.pool_steps import PoolStep

POOL = {"size": 3, "scene": "shopping_cart.blend"}
ENDED = {"name": "blender", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 1}}}
CLASS_UID = "0c1a5500-0000-4000-8000-000000000001"


def class_of(pool: Manifest | None, **spec: object) -> SessionClass:
    """A class with this pool."""
    metadata = {"namespace": "art", "name": "default", "uid": CLASS_UID, "resourceVersion": "1"}
    return parse_session_class({"metadata": metadata, "spec": spec | ({"warmPool": pool} if pool is not None else {})})


def settings_of(session_class: SessionClass) -> EffectiveSettings:
    """What a session of a class gets that asks for nothing."""
    return effective_settings(typical_session(session_class), session_class, PROFILE)


def waiting_pod(session_class: SessionClass, name: str, now: datetime = NOW) -> Manifest:
    """The pod of a desktop of the pool that was just made."""
    made = pool_pod(Desktop("art", name), session_class, settings_of(session_class))
    made["kind"] = "Pod"
    made["metadata"] |= {"uid": f"uid-of-{name}", "resourceVersion": "1", "creationTimestamp": now.isoformat()}
    return made


def reported(pod: Manifest, *, ready: bool = True, phase: str = "Running", **status: object) -> Manifest:
    """The pod as the kubelet reports it."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    reports = {"phase": phase, "podIP": "10.0.0.7", "conditions": conditions} | status
    return pod | {"spec": pod["spec"] | {"nodeName": "node-1"}, "status": reports}


def complete(pod: Manifest) -> PoolMember:
    """A desktop that lacks nothing in Kubernetes and in Guacamole."""
    name = pod["metadata"]["name"]
    secret = pool_secret(pod, DesktopCredentials("pw123456", f"token of {name}"))
    return PoolMember(pod, secret, {"kind": "Service"}, seen_in_guacamole(name))


def seen_in_guacamole(name: str) -> AccessView:
    """What Guacamole has of a desktop that nobody has taken."""
    record = ConnectionRecord("7", name, "vnc", {}, {"hostname": f"{name}.art.svc"})
    return AccessView(inspected=True, connections={name: record})


@dataclass
class PoolWorld:
    """What is there, and who took what."""

    session_class: SessionClass | None
    now: datetime = NOW
    members: dict[str, PoolMember] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    """The session of each desktop that was taken."""
    ending: set[str] = field(default_factory=set)
    """The pods whose end the kubelet has begun."""
    departed: set[str] = field(default_factory=set)
    """The desktops whose pods are gone."""
    connections: set[str] = field(default_factory=set)
    made: int = 0
    claims_waiting: bool = False
    wanting: list[RoomWanted] = field(default_factory=list)
    quota: int = 10**6
    refused_until: datetime | None = None
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def observe(self) -> PoolObserved:
        """What the controller sees when its cache is current."""
        of = self.session_class
        if self.refused_until is not None and self.now >= self.refused_until:
            self.refused_until = None
        return PoolObserved(
            now=self.now,
            namespace="art",
            installation=PROFILE,
            session_class=of,
            settings=settings_of(of) if of is not None else None,
            members=tuple(
                replace(each, outdated=of is not None and is_outdated(each.pod, of, settings_of(of)))
                for each in self.members.values()
            ),
            claims_waiting=self.claims_waiting,
            departed={name: seen_in_guacamole(name) for name in self.departed & self.connections},
            wanting=tuple(each for each in self.wanting if self.now < each.until),
            refused_until=self.refused_until,
        )

    def work(self, observed: PoolObserved | None = None) -> int:
        """Carry out a plan, by what was observed a while ago or by what is there; return the number of steps."""
        todo = plan_pool(observed or self.observe()).steps
        for step in todo:
            self._carry_out(step)
        return len(todo)

    def settle(self) -> None:
        """Work until nothing is left to do, while the kubelet starts and ends what it should."""
        for _ in range(60):
            done = self.work()
            self.kubelet()
            if not done:
                return
        raise AssertionError("the plans do not converge")

    def kubelet(self, *, ready: bool = True) -> None:
        """Report each pod as ready, begin to end those that are being deleted, and remove those that have ended."""
        for name, member in list(self.members.items()):
            if name in self.ending:
                self.vanish(name)
            elif member.pod["metadata"].get("deletionTimestamp"):
                self.ending.add(name)
            elif "status" not in member.pod and member.secret is not None:
                self.touch(name, reported(member.pod, ready=ready))

    def touch(self, name: str, pod: Manifest) -> None:
        """Change a pod, which gives it another version."""
        metadata = pod["metadata"] | {"resourceVersion": f"{int(pod['metadata']['resourceVersion']) + 1}"}
        self.members[name] = replace(self.members[name], pod=pod | {"metadata": metadata})

    def take(self, name: str, session: str, version: str) -> bool:
        """A session takes a desktop in the version that it saw; return whether it got it."""
        member = self.members.get(name)
        if member is None or member.pod["metadata"]["resourceVersion"] != version:
            return False
        assert name not in self.taken, "a desktop has one session, ever"
        self.taken[name] = session
        del self.members[name]
        return True

    def vanish(self, name: str) -> None:
        """The object of a pod goes, and what belongs to it."""
        del self.members[name]
        self.ending.discard(name)
        self.departed.add(name)

    def _carry_out(self, step: PoolStep) -> None:
        match step:
            case pool_steps.MakeDesktop():
                self._make()
            case pool_steps.RemoveDesktop(ref, _, version, session):
                if self._remove(ref.name, version):
                    self.wanting = [replace(each, served=each.served or each.uid == session) for each in self.wanting]
            case pool_steps.MakeSecret(pod):
                self._set(pod, secret=pool_secret(pod, DesktopCredentials("pw123456", "token")))
            case pool_steps.MakeService(manifest, pod):
                self._set(pod, service=manifest)
            case steps.CreateConnection(spec):
                self.connections.add(spec.key)
                self._see(spec.key)
            case steps.RemoveConnection(name):
                assert name not in self.taken
                self.connections.discard(name)
                self._see(name)

    def _make(self) -> None:
        if self.session_class is None or self.refused_until is not None:
            return
        if len(self.members) + len(self.taken) >= self.quota:
            self.refused_until = self.now + timedelta(minutes=5)
            return
        name = name_for(str(uuid.UUID(int=next(self.numbers))))
        self.members[name] = PoolMember(waiting_pod(self.session_class, name, self.now), access=AccessView(True))
        self.made += 1

    def _remove(self, name: str, version: str) -> bool:
        member = self.members.get(name)
        if member is None or member.pod["metadata"]["resourceVersion"] != version:
            return False
        metadata = member.pod["metadata"] | {"deletionTimestamp": self.now.isoformat()}
        self.touch(name, member.pod | {"metadata": metadata})
        return True

    def _set(self, pod: Manifest, **parts: Manifest) -> None:
        name = pod["metadata"]["name"]
        if name in self.members:
            self.members[name] = replace(self.members[name], **parts)  # type: ignore[arg-type]

    def _see(self, name: str) -> None:
        if name in self.members:
            known = seen_in_guacamole(name) if name in self.connections else AccessView(inspected=True)
            self.members[name] = replace(self.members[name], access=known)


def world(pool: dict[str, object] | None = None, **spec: object) -> PoolWorld:
    return PoolWorld(class_of(POOL if pool is None else pool, **spec))


def full(pool: dict[str, object] | None = None) -> PoolWorld:
    made = world(pool)
    made.settle()
    return made


def wants(uid: str = "large", *, by_quota: bool = False) -> RoomWanted:
    return RoomWanted(uid, "art", "default", NOW, by_quota)


def of_kind(observed: PoolObserved, kind: type) -> list[pool_steps.PoolStep]:
    return [step for step in plan_pool(observed).steps if isinstance(step, kind)]
