"""A class with a pool, its sessions, and the operator's real reconcilers, which work on what their queue has."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from blendersessions.model.errors import Invalid, System
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref, ref_of
from blendersessions_operator.controller.informer import enqueue_affected, watched_kinds
from blendersessions_operator.controller.reconciler import reconcile
from unit.operator.api_server import Server
from unit.operator.contexts import context_of
from unit.operator.factories import NOW, body
from unit.operator.simulation import FakeAgents, Guacamole, clock

if TYPE_CHECKING:
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.controller.workqueue import WorkQueue

POOL_KEY = Ref(CLASS_KIND, "art", "default")
CART = {"scene": {"sample": "shopping_cart.blend"}}
POOL: Manifest = {"size": 2, "scene": "shopping_cart.blend"}
CLOCKED = ("observer", "executor", "agent_calls", "pool_observer", "pool_executor", "claims")


class TimedQueue:
    """A work queue without workers, which knows when a key is due."""

    def __init__(self, sim: PoolSimulation) -> None:
        self._sim = sim
        self.due: dict[Ref, float] = {}
        """When each key is to be worked on, in seconds."""

    def add(self, ref: Ref) -> None:
        self.add_after(ref, 0.0)

    def add_after(self, ref: Ref, seconds: float) -> None:
        at = self._sim.seconds + seconds
        self.due[ref] = min(at, self.due.get(ref, at))

    def pop(self) -> list[Ref]:
        """Take the keys that are due."""
        now = [ref for ref, at in self.due.items() if at <= self._sim.seconds]
        for ref in now:
            del self.due[ref]
        return now


class SharedServer(Server):
    """An API server on which others work between a request and its answer."""

    def __init__(self, sim: PoolSimulation) -> None:
        super().__init__(now=sim.now)
        self.sessions_of_pod: dict[str, set[str]] = {}
        """By the UID of each pod: the sessions that have controlled it."""
        self.quota = 1000

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        await asyncio.sleep(0)
        merged = await super().merge(ref, patch)
        self.see(merged)
        return merged

    async def create(self, manifest: Manifest) -> Manifest:
        await asyncio.sleep(0)
        pods = [ref for ref in self.objects if ref.kind == "Pod"]
        if manifest["kind"] == "Pod" and len(pods) >= self.quota:
            raise Invalid('forbidden: exceeded quota: "few"', System.KUBERNETES)
        made = await super().create(manifest)
        self.see(made)
        return made

    async def delete(self, ref: Ref, uid: str, grace_seconds: int | None = None, version: str = "") -> None:
        await asyncio.sleep(0)
        await super().delete(ref, uid, grace_seconds, version)

    def see(self, manifest: Manifest) -> None:
        """Note which session controls a pod."""
        for owner in manifest["metadata"].get("ownerReferences", ()):
            if manifest["kind"] == "Pod" and owner["kind"] == SESSION_KIND:
                self.sessions_of_pod.setdefault(manifest["metadata"]["uid"], set()).add(owner["uid"])


class PoolSimulation:
    """The operator and the systems around it. `restart` clears the operator's memory."""

    def __init__(self, pool: Manifest) -> None:
        self.seconds = 0.0
        self.server, self.guacamole, self.agents = SharedServer(self), Guacamole(), FakeAgents()
        meta = {"namespace": "art", "name": "default", "uid": "00000000-0000-4000-8000-0000000000cc"}
        self.server.objects[POOL_KEY] = {"kind": CLASS_KIND, "metadata": meta, "spec": {"warmPool": pool}}
        self.server.touched(POOL_KEY)
        self.made = 0
        self.restart()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def restart(self) -> None:
        """Another operator leads: it knows what there is, and looks at everything once."""
        self.queue = TimedQueue(self)
        self.context: ReconcilerContext
        self.context, _ = context_of(self.server, self.guacamole, agents=self.agents)
        self.context.queue = cast("WorkQueue[Ref]", self.queue)
        self.context.openings._enqueue = self.queue.add
        self.context.agent_calls._enqueue = self.queue.add
        self.context.debouncer.clock = lambda: self.seconds
        self._last: dict[Ref, Manifest] = {}
        self.context.leads = False
        self.deliver()
        self.context.leads = True
        for session in self.context.cache.sessions():
            self.queue.add(session.ref)
        self.context.enqueue_pools()

    def deliver(self) -> None:
        """Bring the cache up to date, as the watches do, and enqueue what changed."""
        cache = self.context.cache
        for ref in sorted(self._last.keys() - self.server.objects.keys()):
            gone = self._last.pop(ref)
            cache.remove(ref, gone["metadata"]["uid"])
            enqueue_affected(self.context, gone)
        for kind in (SESSION_KIND, CLASS_KIND, *watched_kinds(self.context.installation)):
            for ref in cache.uids(kind).keys() - self.server.objects.keys():
                # It came and went between two looks.
                came = cache.get(ref)
                cache.remove(ref)
                enqueue_affected(self.context, came or {"kind": kind, "metadata": {}})
        for manifest in copy.deepcopy(list(self.server.objects.values())):
            self._last[ref_of(manifest)] = manifest
            if cache.put(manifest):
                enqueue_affected(self.context, manifest)

    def work(self) -> bool:
        """Work side by side on the keys that are due; return whether there were some."""
        if not (keys := self.queue.pop()):
            return False
        asyncio.run(self._reconcile(keys))
        return True

    async def _reconcile(self, keys: list[Ref]) -> None:
        with contextlib.ExitStack() as patches:
            for module in CLOCKED:
                target = f"blendersessions_operator.controller.{module}.datetime"
                patches.enter_context(patch(target, clock(self.now)))
            for key, done in zip(
                keys, await asyncio.gather(*(reconcile(self.context, key) for key in keys)), strict=True
            ):
                if not done:
                    self.queue.add_after(key, 1.0)
            await self.context.openings.idle()
            await self.context.agent_calls.idle()

    def settle(self, seconds: float = 0.0) -> None:
        """Let everything work until nothing is due for this time; fails if something is due again and again."""
        for _ in range(200):
            self.kubelet()
            self.deliver()
            if not self.work() and not self._passes(seconds):
                return
        raise AssertionError(f"does not settle: {self.queue.due}")

    def _passes(self, seconds: float) -> bool:
        """Let time pass until the next key is due; return whether one is within this time."""
        first = min(self.queue.due.values(), default=None)
        if first is None or first > self.seconds + seconds:
            return False
        self.seconds = first
        return True

    def kubelet(self, **status: Any) -> None:  # noqa: ANN401 - fields of a pod's status
        """Report each pod as ready whose Secret is there and that has no status yet."""
        ready = [{"type": "Ready", "status": "True"}]
        for ref, pod in list(self.server.objects.items()):
            mounted = Ref("Secret", *ref[1:]) in self.server.objects
            if ref.kind == "Pod" and mounted and "status" not in pod:
                pod["spec"]["nodeName"] = "node-1"
                pod["status"] = {"phase": "Running", "podIP": "127.0.0.1", "conditions": ready} | status
                self.server.touched(ref)

    def create(self, spec: Manifest) -> Ref:
        """Somebody creates a session."""
        self.made += 1
        made = body(spec, finalizer=False)
        made["metadata"] |= {"name": f"desk-{self.made}", "uid": str(uuid.UUID(int=self.made, version=4))}
        made["metadata"]["creationTimestamp"] = self.now().isoformat()
        ref = Ref(SESSION_KIND, "art", made["metadata"]["name"])
        self.server.objects[ref] = made
        self.server.touched(ref)
        return ref

    def of_kind(self, kind: str) -> dict[Ref, Manifest]:
        """What there is of a kind."""
        return {ref: each for ref, each in self.server.objects.items() if ref.kind == kind}

    def waiting(self) -> set[str]:
        """The names of the desktops that nobody has taken."""
        return {ref.name for ref, pod in self.of_kind("Pod").items() if owner(pod)["kind"] == CLASS_KIND}

    def startup(self, ref: Ref) -> tuple[str, str]:
        """How a session was started, and why."""
        told = self.server.objects[ref]["status"].get("startup", {})
        return told.get("path", ""), told.get("reason", "")


def owner(manifest: Manifest) -> Manifest:
    """The one that controls an object."""
    (found,) = [each for each in manifest["metadata"]["ownerReferences"] if each.get("controller")]
    return dict(found)


def filled(**pool: object) -> PoolSimulation:
    sim = PoolSimulation(POOL | pool)
    sim.settle()
    return sim


def find_no_room(sim: PoolSimulation, ref: Ref) -> None:
    """The operator makes the pod of a session, and the scheduler says that no node has room for it."""
    for _ in range(3):
        sim.deliver()
        sim.work()
    full = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}
    ((of_pod, pod),) = [each for each in sim.of_kind("Pod").items() if owner(each[1])["name"] == ref.name]
    pod["status"] = {"phase": "Pending", "conditions": [full | {"lastTransitionTime": sim.now().isoformat()}]}
    sim.server.touched(of_pod)


def crowded() -> tuple[PoolSimulation, Ref]:
    """A full pool, and a session that starts cold and whose pod is not made yet."""
    sim = filled(size=3)
    return sim, sim.create({"scene": {}})
