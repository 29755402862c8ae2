"""Which desktops wait in which pool, and which a session has taken, by the pods in the cache."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from blendersessions.model.labels import POOL
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref
from blendersessions.model.warm_pool import pool_of, was_of_pool

if TYPE_CHECKING:
    from collections.abc import Iterator


class PoolIndex:
    """Desktops by pool, and by the session that has taken them."""

    def __init__(self) -> None:
        self._pool_of: dict[Ref, Ref] = {}
        """The class of each pod that waits."""
        self._waiting: defaultdict[Ref, set[Ref]] = defaultdict(set)
        """The pods that wait, by class."""
        self._taken: defaultdict[str, set[Ref]] = defaultdict(set)
        """The pods and the Secrets that a session has taken, by its UID."""
        self._taken_by: dict[Ref, str] = {}
        self._last_pool: dict[Ref, Ref] = {}
        """The class for whose pool each of these was made."""
        self._names: dict[str, Ref] = {}
        """The class of each desktop that waits, or has departed. Their names are drawn at random."""
        self._departed: defaultdict[Ref, set[str]] = defaultdict(set)
        """By class: the names of the desktops that were made for its pool, and whose pods are gone."""

    def put(self, ref: Ref, manifest: Manifest) -> tuple[str, str]:
        """Note a pod, or the Secret of a desktop.

        Returns:
            The UIDs of the sessions that had it before and that have it now; empty for none.
        """
        former = self._discard(ref)
        if not was_of_pool(manifest):
            return former, ""
        key = Ref(CLASS_KIND, ref.namespace, str(manifest["metadata"]["labels"][POOL]))
        if ref.kind == "Pod" and pool_of(manifest):
            self._pool_of[ref] = self._names[ref.name] = key
            self._waiting[key].add(ref)
            self.forget(key, ref.name)
            return former, ""
        uid = _session_of(manifest)
        if uid:
            self._taken[uid].add(ref)
            self._taken_by[ref] = uid
            self._last_pool[ref] = key
            if ref.kind == "Pod":
                self._names[ref.name] = key
        return former, uid

    def remove(self, ref: Ref) -> str:
        """Note that a pod or a Secret is gone; return the UID of the session that had it, empty for none."""
        key = self._pool_of.get(ref) or self._last_pool.get(ref)
        uid = self._discard(ref)
        if key is not None and ref.kind == "Pod":
            self._departed[key].add(ref.name)
            self._names[ref.name] = key
        return uid

    def class_of(self, namespace: str, name: str) -> Ref | None:
        """Return the class in whose pool a desktop of this name waits; None if none does."""
        return self._pool_of.get(Ref("Pod", namespace, name))

    def class_of_desktop(self, name: str) -> Ref | None:
        """Return the class for whose pool a desktop of this name was made, in whatever namespace.

        None if there is none, or nothing of it is left.
        """
        return self._names.get(name)

    def waiting(self, key: Ref) -> list[Ref]:
        """Return the pods that wait in the pool of a class."""
        return sorted(self._waiting.get(key, ()))

    def taken(self, uid: str) -> list[str]:
        """Return the names of the pools' desktops that a session has taken: mostly none, or one."""
        return sorted({ref.name for ref in self._taken.get(uid, ())})

    def departed(self, key: Ref) -> tuple[str, ...]:
        """Return the names of the desktops that were made for a pool and whose pods are gone."""
        return tuple(sorted(self._departed.get(key, ())))

    def forget(self, key: Ref, name: str) -> None:
        """Forget a desktop of a pool that has left nothing behind."""
        self._departed[key].discard(name)
        if not self._departed[key]:
            del self._departed[key]
        if self._names.get(name) == key and Ref("Pod", key.namespace, name) not in self._pool_of:
            del self._names[name]

    def keys(self) -> Iterator[Ref]:
        """Iterate over the classes that have, or had, a desktop in their pool."""
        yield from {*self._waiting, *self._departed}

    def _discard(self, ref: Ref) -> str:
        if (key := self._pool_of.pop(ref, None)) is not None:
            self._names.pop(ref.name, None)
            self._waiting[key].discard(ref)
            if not self._waiting[key]:
                del self._waiting[key]
        self._last_pool.pop(ref, None)
        uid = self._taken_by.pop(ref, "")
        if uid:
            self._taken[uid].discard(ref)
            if not self._taken[uid]:
                del self._taken[uid]
        return uid


def _session_of(manifest: Manifest) -> str:
    """Return the UID of the session that controls an object; empty if none does."""
    owners = manifest["metadata"].get("ownerReferences") or ()
    found = (owner["uid"] for owner in owners if owner.get("controller") and owner.get("kind") == SESSION_KIND)
    return str(next(found, ""))
