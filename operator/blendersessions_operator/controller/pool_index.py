"""Which desktops wait in which pool, and which a session has taken, by the pods in the cache."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref
from blendersessions.model.warm_pool import pool_of, was_of_pool

if TYPE_CHECKING:
    from collections.abc import Iterator


class PoolIndex:
    """Desktops by pool, and by the session that has taken them."""

    def __init__(self) -> None:
        self._pool_of: dict[Ref, Ref] = {}
        """The class of each pod that waits."""
        self._waiting: defaultdict[Ref, dict[Ref, str]] = defaultdict(dict)
        """By class: the pods that wait, and when they were made."""
        self._names: dict[str, Ref] = {}
        """The class of each desktop that waits. Their names are drawn at random."""
        self._taken: defaultdict[str, set[Ref]] = defaultdict(set)
        """The pods and the Secrets that a session has taken, by its UID."""
        self._taken_by: dict[Ref, str] = {}

    def put(self, ref: Ref, manifest: Manifest) -> tuple[str, str]:
        """Note a pod, or the Secret of a desktop.

        Returns:
            The UIDs of the sessions that had it before and that have it now; empty for none.
        """
        former = self.remove(ref)
        if ref.kind == "Pod" and (of := pool_of(manifest)):
            key = Ref(CLASS_KIND, ref.namespace, of)
            self._pool_of[ref] = self._names[ref.name] = key
            self._waiting[key][ref] = str(manifest["metadata"].get("creationTimestamp") or "")
            return former, ""
        uid = _session_of(manifest) if was_of_pool(manifest) else ""
        if uid:
            self._taken[uid].add(ref)
            self._taken_by[ref] = uid
        return former, uid

    def remove(self, ref: Ref) -> str:
        """Note that a pod or a Secret is gone; return the UID of the session that had it, empty for none."""
        if (key := self._pool_of.pop(ref, None)) is not None:
            self._names.pop(ref.name, None)
            del self._waiting[key][ref]
            if not self._waiting[key]:
                del self._waiting[key]
        uid = self._taken_by.pop(ref, "")
        if uid:
            self._taken[uid].discard(ref)
            if not self._taken[uid]:
                del self._taken[uid]
        return uid

    def class_of(self, namespace: str, name: str) -> Ref | None:
        """Return the class in whose pool a desktop of this name waits; None if none does."""
        return self._pool_of.get(Ref("Pod", namespace, name))

    def class_of_desktop(self, name: str) -> Ref | None:
        """Return the class in whose pool a desktop of this name waits, in whatever namespace; None if none does."""
        return self._names.get(name)

    def waiting(self, key: Ref) -> list[Ref]:
        """Return the pods that wait in the pool of a class."""
        return sorted(self._waiting.get(key, ()))

    def by_age(self, key: Ref) -> list[Ref]:
        """Return the pods that wait in the pool of a class, the oldest first."""
        made = self._waiting.get(key, {})
        return sorted(made, key=lambda ref: (made[ref], ref))

    def taken(self, uid: str) -> list[str]:
        """Return the names of the pools' desktops that a session has taken: mostly none, or one."""
        return sorted({ref.name for ref in self._taken.get(uid, ())})

    def keys(self) -> Iterator[Ref]:
        """Iterate over the classes that have a desktop in their pool."""
        yield from list(self._waiting)


def _session_of(manifest: Manifest) -> str:
    """Return the UID of the session that controls an object; empty if none does."""
    owners = manifest["metadata"].get("ownerReferences") or ()
    found = (owner["uid"] for owner in owners if owner.get("controller") and owner.get("kind") == SESSION_KIND)
    return str(next(found, ""))
