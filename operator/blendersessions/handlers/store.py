"""The last known state of every object, filled by the watches and by our own writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.manifest import SESSION_KIND, Manifest, Ref
from blendersessions.model.names import uid_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHILD_KINDS = ("Pod", "Service", "Secret")


class Store:
    """Objects by place. Older versions never replace newer ones, so a slow watch cannot undo what a write returned."""

    def __init__(self) -> None:
        self._objects: dict[Ref, Manifest] = {}
        self._sessions_by_uid: dict[str, Ref] = {}

    def get(self, ref: Ref) -> Manifest | None:
        """Return the last known object, or None."""
        return self._objects.get(ref)

    def put(self, manifest: Manifest) -> bool:
        """Keep an object unless a newer version is known; say whether it was kept."""
        meta = manifest["metadata"]
        ref = Ref(manifest["kind"], meta["namespace"], meta["name"])
        former = self._objects.get(ref)
        if former is not None and _version(former) > _version(manifest):
            return False
        slim = {key: value for key, value in meta.items() if key != "managedFields"}
        self._objects[ref] = manifest | {"metadata": slim}
        if ref.kind == SESSION_KIND:
            self._sessions_by_uid[meta["uid"]] = ref
        return True

    def replace(self, manifest: Manifest) -> None:
        """Keep what a write returned, unless the object was seen to go meanwhile."""
        meta = manifest["metadata"]
        if Ref(manifest["kind"], meta["namespace"], meta["name"]) in self._objects:
            self.put(manifest)

    def remove(self, ref: Ref, uid: str = "") -> None:
        """Forget an object; with a UID, only if it is that one and no successor of its name."""
        former = self._objects.get(ref)
        if former is None or (uid and former["metadata"]["uid"] != uid):
            return
        del self._objects[ref]
        if ref.kind == SESSION_KIND:
            self._sessions_by_uid.pop(former["metadata"]["uid"], None)

    def sessions(self) -> Iterator[Manifest]:
        """Go through all sessions."""
        for ref in list(self._sessions_by_uid.values()):
            yield self._objects[ref]

    def session_named(self, name: str) -> Ref | None:
        """Return the session that a name of ours was made for."""
        uid = uid_from(name)
        return self._sessions_by_uid.get(uid) if uid else None

    def sessions_of(self, child: Manifest) -> set[Ref]:
        """Return the sessions that an object belongs to: by its name, and by its owners."""
        meta = child["metadata"]
        found = {self._sessions_by_uid.get(owner["uid"]) for owner in meta.get("ownerReferences") or ()}
        found.add(self.session_named(meta["name"]))
        return {ref for ref in found if ref is not None}

    def prune(self, kind: str, listed: Iterable[Manifest], before: set[Ref]) -> list[Manifest]:
        """Forget the objects that were known `before` a list and are not in it; return them."""
        present = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in listed}
        gone = [
            self._objects[ref]
            for ref in before
            if ref.kind == kind and ref in self._objects and (ref.namespace, ref.name) not in present
        ]
        for manifest in gone:
            meta = manifest["metadata"]
            self.remove(Ref(kind, meta["namespace"], meta["name"]), meta["uid"])
        return gone

    def refs(self) -> set[Ref]:
        """Return the places of all known objects."""
        return set(self._objects)


def _version(manifest: Manifest) -> int:
    """Return the resource version as the number that it is in every API server so far; 0 when it is none."""
    version = manifest["metadata"].get("resourceVersion", "")
    return int(version) if version.isdecimal() else 0
