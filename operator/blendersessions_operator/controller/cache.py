"""The last known state of every object, updated by the watches and by our own writes."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from blendersessions.model.access import access_list
from blendersessions.model.desktop import desktop_of_connection
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref, ref_of
from blendersessions.model.session import DEFAULT_CLASS, Session, parse_session
from blendersessions.model.session_class import SessionClass, built_in, parse_session_class
from blendersessions_operator.planning.podstate import claims
from blendersessions_operator.resources.network_policy import NETWORK_POLICY_KIND
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

Key = TypeVar("Key")

CHILD_KINDS = ("Pod", "Service", "Secret", "PersistentVolumeClaim")
"""The kinds of the objects that a session has."""
TOMBSTONE_SECONDS = 900.0
"""The UID of a deleted object is kept for this time, so that an older list does not bring the object back."""


class Tombstone(NamedTuple):
    """The memory of an object that is gone."""

    until: float
    """When it is forgotten, in seconds on a monotonic clock."""
    version: int
    """The resource version from which on the object is gone; 0 if it is gone for ever."""


class ObjectCache:
    """Objects by kind, namespace and name. A newer version is never replaced by an older one that a slow watch reports.

    Args:
        clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.revision = 0
        """Grows when the capacity of a class, or who waits for it, may change: with every change of a session or of a
        class, and with a pod's first and last appearance."""
        self._objects: dict[Ref, Manifest] = {}
        self._sessions: dict[Ref, Session] = {}
        self._classes: dict[Ref, SessionClass] = {}
        self._sessions_by_uid: dict[str, Ref] = {}
        self._sessions_by_desktop: dict[str, Ref] = {}
        """By the name of the session's desktop, and by the generated name of the session."""
        self._sessions_by_user: defaultdict[str, set[Ref]] = defaultdict(set)
        self._sessions_by_class: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        self._waiting: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        self._sessions_by_claim: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        self._pods_by_claim: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        """By namespace and name of the volume claim."""
        self._tombstones: dict[str, Tombstone] = {}
        self.on_session_gone: Callable[[Session], None] = lambda _: None
        """Called once for each session that is removed from the cache."""

    def get(self, ref: Ref) -> Manifest | None:
        """Return the last known object, or None."""
        return self._objects.get(ref)

    def session(self, ref: Ref) -> Session | None:
        """Return the last known state of a session, or None."""
        return self._sessions.get(ref)

    def is_starting(self, ref: Ref) -> bool:
        """Return whether a session is on its way to `Ready`."""
        session = self._sessions.get(ref)
        return session is not None and session.is_starting

    def put(self, manifest: Manifest) -> bool:
        """Cache an object, unless this version, a newer one or its deletion is known. Return whether it was cached.

        So the watch's echo of our own write enqueues no session.
        """
        meta = manifest["metadata"]
        ref = Ref(manifest["kind"], meta["namespace"], meta["name"])
        former = self._objects.get(ref)
        if self._is_gone(manifest):
            return False
        if (
            former is not None
            and former["metadata"]["uid"] == meta["uid"]
            and _version(former) >= _version(manifest) > 0
        ):
            return False
        if former is not None and former["metadata"]["uid"] != meta["uid"]:
            self.remove(ref)
        self.revision += ref.kind in (SESSION_KIND, CLASS_KIND) or (ref.kind == "Pod" and former is None)
        self._objects[ref] = _slim(manifest)
        for claim in claims(manifest) if ref.kind == "Pod" else ():
            self._pods_by_claim[ref.namespace, claim].add(ref)
        if ref.kind == SESSION_KIND:
            self._index(ref)
        elif ref.kind == CLASS_KIND:
            self._classes[ref] = parse_session_class(manifest)
        return True

    def replace(self, manifest: Manifest) -> None:
        """Cache the answer to a write, unless the object was removed from the cache in the meantime."""
        meta = manifest["metadata"]
        if Ref(manifest["kind"], meta["namespace"], meta["name"]) in self._objects:
            self.put(manifest)

    def remove(self, ref: Ref, uid: str = "", version: str = "") -> None:
        """Remove an object.

        Args:
            ref: the object.
            uid: if given, an object of that name with another UID stays.
            version: the resource version from which on it is gone; empty if that is not known. An object that lost our
                label is gone for a watch, and returns in this or a later version.
        """
        former = self._objects.get(ref)
        if former is None or (uid and former["metadata"]["uid"] != uid):
            return
        del self._objects[ref]
        self.revision += ref.kind in (SESSION_KIND, CLASS_KIND, "Pod")
        for claim in claims(former) if ref.kind == "Pod" else ():
            _discard(self._pods_by_claim, (ref.namespace, claim), ref)
        self._classes.pop(ref, None)
        self._add_tombstone(former["metadata"]["uid"], version)
        if ref.kind == SESSION_KIND:
            session = self._sessions.pop(ref)
            self._sessions_by_uid.pop(session.uid, None)
            self._unlink(session)
            self.on_session_gone(session)

    def sessions(self) -> Iterator[Session]:
        """Iterate over all sessions."""
        yield from list(self._sessions.values())

    def session_of_connection(self, name: str) -> Ref | None:
        """Return the session to whose desktop a connection of this name leads."""
        return self._sessions_by_desktop.get(desktop_of_connection(name))

    def sessions_of(self, child: Manifest) -> set[Ref]:
        """Return the sessions that an object concerns: by its owners, by its name, and by the volumes of a pod.

        A network policy concerns all sessions of its namespace.
        """
        meta = child["metadata"]
        if child["kind"] == NETWORK_POLICY_KIND:
            return {ref for ref in self._sessions if ref.namespace == meta["namespace"]}
        sessions = {self._sessions_by_uid.get(owner["uid"]) for owner in meta.get("ownerReferences") or ()}
        sessions.add(self._sessions_by_desktop.get(meta["name"]))
        for claim in claims(child):
            sessions |= self._sessions_by_claim.get((meta["namespace"], claim), set())
        return {ref for ref in sessions if ref is not None}

    def sessions_of_user(self, username: str) -> set[Ref]:
        """Return the sessions that let a Guacamole user in."""
        return set(self._sessions_by_user.get(username, ()))

    def session_with(self, uid: str) -> Ref | None:
        """Return the session with this UID."""
        return self._sessions_by_uid.get(uid)

    def sessions_of_class(self, namespace: str, name: str) -> list[Session]:
        """Return the sessions that name a class."""
        return [self._sessions[ref] for ref in self._sessions_by_class.get((namespace, name), ())]

    def waiting(self, namespace: str, name: str) -> list[Session]:
        """Return the sessions whose status has a queue position in a class."""
        return [self._sessions[ref] for ref in self._waiting.get((namespace, name), ())]

    def sessions_of_claim(self, namespace: str, claim: str) -> list[Session]:
        """Return the sessions whose workspace is on a volume claim."""
        return [self._sessions[ref] for ref in self._sessions_by_claim.get((namespace, claim), ())]

    def pods_of_claim(self, namespace: str, claim: str) -> list[Manifest]:
        """Return the pods of ours that mount a volume claim, in the order of their names."""
        return [self._objects[ref] for ref in sorted(self._pods_by_claim.get((namespace, claim), ()))]

    def session_class(self, namespace: str, name: str) -> SessionClass | None:
        """Return a class, or None. A namespace without a class of the name `default` has the built-in one."""
        known = self._classes.get(Ref(CLASS_KIND, namespace, name))
        if known is not None:
            return known
        return built_in(namespace) if name == DEFAULT_CLASS else None

    def is_wanted(self, namespace: str, username: str, besides: str = "") -> bool:
        """Return whether a session lets a Guacamole user in that is not being deleted.

        Args:
            namespace: the namespace whose sessions count.
            username: the user.
            besides: UID of a session that does not count; empty for none.
        """
        return any(
            ref.namespace == namespace and not self._sessions[ref].deleting and self._sessions[ref].uid != besides
            for ref in self._sessions_by_user.get(username, ())
        )

    def prune(self, present: Container[Ref], before: Mapping[Ref, str], version: str = "") -> list[Manifest]:
        """Remove the objects that a complete list lacks, and return them.

        An object that appeared under its name after `before` was taken stays.

        Args:
            present: the objects in the list.
            before: the UIDs of the objects that were cached before the list was requested.
            version: the list's resource version.
        """
        gone = [self._objects[ref] for ref, uid in before.items() if ref not in present and self.uid(ref) == uid]
        for manifest in gone:
            self.remove(ref_of(manifest), manifest["metadata"]["uid"], version)
        return gone

    def uid(self, ref: Ref) -> str:
        """Return the UID of the cached object; empty if none is cached."""
        known = self._objects.get(ref)
        return str(known["metadata"]["uid"]) if known is not None else ""

    def uids(self, kind: str, namespace: str = "") -> dict[Ref, str]:
        """Return the UIDs of all cached objects of a kind. An empty namespace means all namespaces."""
        return {
            ref: str(manifest["metadata"]["uid"])
            for ref, manifest in self._objects.items()
            if ref.kind == kind and namespace in ("", ref.namespace)
        }

    def _index(self, ref: Ref) -> None:
        if (former := self._sessions.get(ref)) is not None:
            self._unlink(former)
        session = parse_session(self._objects[ref])
        self._sessions[ref] = session
        self._sessions_by_uid[session.uid] = ref
        self._sessions_by_desktop |= dict.fromkeys(_desktop_names(session), ref)
        self._sessions_by_class[session.namespace, session.spec.class_name].add(ref)
        if session.status.queue is not None:
            self._waiting[session.namespace, session.spec.class_name].add(ref)
        for username in access_list(session):
            self._sessions_by_user[username].add(ref)
        if claim := claim_name(session):
            self._sessions_by_claim[session.namespace, claim].add(ref)

    def _unlink(self, session: Session) -> None:
        for name in _desktop_names(session):
            self._sessions_by_desktop.pop(name, None)
        self._sessions_by_class[session.namespace, session.spec.class_name].discard(session.ref)
        self._waiting[session.namespace, session.spec.class_name].discard(session.ref)
        _discard(self._sessions_by_claim, (session.namespace, claim_name(session)), session.ref)
        for username in access_list(session):
            _discard(self._sessions_by_user, username, session.ref)

    def _is_gone(self, manifest: Manifest) -> bool:
        tombstone = self._tombstones.get(manifest["metadata"]["uid"])
        return tombstone is not None and not 0 < tombstone.version <= _version(manifest)

    def _add_tombstone(self, uid: str, version: str) -> None:
        now = self._clock()
        self._tombstones.pop(uid, None)
        self._tombstones[uid] = Tombstone(now + TOMBSTONE_SECONDS, _number(version))
        while self._tombstones[oldest := next(iter(self._tombstones))].until <= now:
            del self._tombstones[oldest]


def _desktop_names(session: Session) -> set[str]:
    return {session.desktop.name, session.generated_name}


def _discard(index: defaultdict[Key, set[Ref]], key: Key, ref: Ref) -> None:
    """Take a reference out of an index, and the key when nothing is left under it."""
    refs = index.get(key, set())
    refs.discard(ref)
    if not refs:
        index.pop(key, None)


def _slim(manifest: Manifest) -> Manifest:
    """Drop the largest parts, which the operator does not read: the managed fields, and most of the spec of a pod."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    slim = manifest | {"metadata": metadata}
    return slim | {"spec": _slim_pod_spec(manifest.get("spec") or {})} if manifest["kind"] == "Pod" else slim


def _slim_pod_spec(spec: Manifest) -> Manifest:
    """Keep where a pod runs, what its containers may use, and which volume claims it mounts."""
    return {
        "nodeName": spec.get("nodeName", ""),
        "containers": [{key: each.get(key) for key in ("name", "resources")} for each in spec.get("containers") or ()],
        "volumes": [volume for volume in spec.get("volumes") or () if "persistentVolumeClaim" in volume],
    }


def _version(manifest: Manifest) -> int:
    """Return the resource version as a number, which it is in every API server so far; 0 if it is not one."""
    return _number(manifest["metadata"].get("resourceVersion", ""))


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0
