"""An API server in memory, behind the methods of our client. It may fail before or after it has done something."""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Any

from blendersessions.clients.kubernetes.answers import Page
from blendersessions.model.errors import Conflict, NotFound, System, Unavailable
from blendersessions.model.manifest import CLASS_KIND, Manifest, Ref, ref_of
from blendersessions_operator.resources.network_policy import CLOSED, PUBLIC
from status_rules import StatusRules
from unit.operator.factories import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

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

    def __init__(self, *objects: Manifest, now: Callable[[], datetime] = lambda: NOW) -> None:
        super().__init__()
        self.objects: dict[Ref, Manifest] = {ref_of(each): copy.deepcopy(each) for each in objects}
        self.requests: list[str] = []
        """Each request for an object but an Event, as `VERB Kind`."""
        self._now = now
        self.pods_made = 0
        self.expiries: list[datetime] = []
        """When the operator scaled an expired session to 0."""
        self.open_pods_made = 0
        """Those that were made while their namespace lacked a network policy."""
        self.version = 1000
        """The newest resource version."""
        self._rules = StatusRules()

    async def get(self, ref: Ref) -> Manifest:
        return self._answer("GET", ref, lambda: self._found(ref))

    async def pages(self, kind: str, namespace: str = "", selector: str = "") -> AsyncIterator[Page]:
        """List in one page. The operator's selectors find all that is here."""
        del selector
        yield self._carry_out(
            "LIST", Ref(kind, namespace, ""), lambda: Page(str(self.version), self._listed(kind, namespace))
        )

    async def create(self, manifest: Manifest) -> Manifest:
        if manifest["kind"] == "Event":
            return manifest
        return self._answer("CREATE", ref_of(manifest), lambda: self._made(manifest))

    async def apply(self, manifest: Manifest) -> Manifest:
        if "uid" not in manifest["metadata"] and ref_of(manifest) not in self.objects:
            return await self.create(manifest)
        return await self.merge(ref_of(manifest), manifest)

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        return self._answer("MERGE", ref, lambda: self._merged(ref, patch))

    async def strategic_merge(self, ref: Ref, patch: Manifest) -> Manifest:
        def merged() -> Manifest:
            owners = self._found(ref)["metadata"].setdefault("ownerReferences", [])
            owners += patch["metadata"]["ownerReferences"]
            return self.touched(ref)

        return self._answer("STRATEGIC MERGE", ref, merged)

    async def patch(self, ref: Ref, operations: list[Manifest]) -> Manifest:
        return self._answer("PATCH", ref, lambda: self._patched(ref, operations))

    async def replace(self, manifest: Manifest, subresource: str) -> Manifest:
        assert subresource == "status"
        return self._answer("STATUS", ref_of(manifest), lambda: self._with_status(manifest))

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

        self._carry_out("SCALE", ref, scaled)

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

        self._carry_out("DELETE", ref, deleted)

    def _answer(self, verb: str, ref: Ref, work: Callable[[], Manifest]) -> Manifest:
        return dict(copy.deepcopy(self._carry_out(verb, ref, work)))

    def _carry_out(self, verb: str, ref: Ref, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work returns
        self.requests.append(f"{verb} {ref.kind}")
        return self._call(System.KUBERNETES, work)

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
        self.version += 1
        self.objects[ref]["metadata"]["resourceVersion"] = str(self.version)
        return self.objects[ref]

    def _listed(self, kind: str, namespace: str) -> list[Manifest]:
        found = [each for ref, each in self.objects.items() if ref.kind == kind and namespace in ("", ref.namespace)]
        return copy.deepcopy(found)

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
