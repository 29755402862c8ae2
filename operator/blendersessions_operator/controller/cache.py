"""The last known state of every object, updated by the watches and by our own writes."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from blendersessions.model.access import access_list
from blendersessions.model.desktop import desktop_of_connection
from blendersessions.model.labels import POOL
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref, controller_uid, ref_of
from blendersessions.model.names import USER_SECRET_PREFIX, is_generated, user_secret_name
from blendersessions.model.session import DEFAULT_CLASS, Session, parse_session
from blendersessions.model.session_class import SessionClass, built_in, parse_session_class
from blendersessions.model.warm_pool import pool_of, was_of_pool
from blendersessions_operator.controller.kept_fields import kept, stub
from blendersessions_operator.controller.pool_index import PoolIndex
from blendersessions_operator.planning.podstate import claims
from blendersessions_operator.planning.scene import names_other_classes
from blendersessions_operator.resources.network_policy import CLOSED, NETWORK_POLICY_KIND, PUBLIC
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

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

    Of a child object that belongs to no known session only a stub is kept, if its name is of our form or it is a pod
    with a volume claim: the session may become known later, and then the object is read again. Of all others nothing
    is kept.

    Args:
        clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._objects: dict[Ref, Manifest] = {}
        self._stubs: set[Ref] = set()
        """The objects of which only a stub is kept."""
        self._sessions: dict[Ref, Session] = {}
        self._classes: dict[Ref, SessionClass] = {}
        self._sessions_by_uid: dict[str, Ref] = {}
        self._sessions_by_desktop: dict[str, Ref] = {}
        """By the name of the session's desktop, and by the generated name of the session."""
        self._sessions_by_user: defaultdict[str, set[Ref]] = defaultdict(set)
        self._sessions_by_secret: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        """By namespace and name of the Secrets of the users that sessions let in."""
        self._sessions_by_class: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        self._sessions_by_claim: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        self._pods_by_claim: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        """By namespace and name of the volume claim."""
        self._tombstones: dict[str, Tombstone] = {}
        self.pools = PoolIndex()
        """The desktops that wait in pools, and those that sessions have taken."""
        self.on_session_gone: Callable[[Session], None] = lambda _: None
        """Called once for each session that is removed from the cache."""
        self.on_capacity_change: Callable[[Iterable[Ref]], None] = lambda _: None
        """Called with the sessions whose part in the capacity of their class may have changed, because they, their
        class or another session on their volume changed; and with a pod that appeared or is gone, and its sessions."""

    def get(self, ref: Ref) -> Manifest | None:
        """Return the last known object, or None. Sessions and classes have methods of their own."""
        return None if ref in self._stubs else self._objects.get(ref)

    def knows(self, ref: Ref) -> bool:
        """Return whether an object exists as far as is known, even if it was not read for a session."""
        return ref in self._objects

    def has_pod(self, session: Session) -> bool:
        """Return whether a session's pod exists as far as is known."""
        return self.knows(session.desktop.ref("Pod"))

    def unread(self, session: Session) -> list[Ref]:
        """Return the objects of a session that were seen before the session was, and must be read again."""
        if not self._stubs:
            return []
        refs = [session.desktop.ref(kind) for kind in CHILD_KINDS]
        refs.append(Ref("PersistentVolumeClaim", session.namespace, session.generated_name))
        refs += [Ref("Secret", session.namespace, user_secret_name(username)) for username in access_list(session)]
        return [ref for ref in dict.fromkeys(refs) if ref in self._stubs]

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
        if self._is_gone(manifest) or (ref.kind == NETWORK_POLICY_KIND and ref.name not in (CLOSED, PUBLIC)):
            return False
        if former is not None and former["metadata"]["uid"] != meta["uid"]:
            self.remove(ref)
            former = None
        is_stranger = (
            ref.kind in CHILD_KINDS and (former is None or ref in self._stubs) and not self._concerns(manifest)
        )
        if former is not None:
            known, given = _version(former), _version(manifest)
            becomes_known = ref in self._stubs and not is_stranger
            if known > given > 0 or (known == given > 0 and not becomes_known):
                return False
        if is_stranger:
            if _may_concern(manifest):
                self._stubs.add(ref)
                self._keep(ref, stub(manifest))
            return False
        self._stubs.discard(ref)
        if ref.kind == CLASS_KIND and self._says_the_same(ref, manifest):
            return False
        self._keep(ref, manifest if ref.kind in (SESSION_KIND, CLASS_KIND) else kept(manifest, self._sessions_by_uid))
        return True

    def _says_the_same(self, ref: Ref, manifest: Manifest) -> bool:
        """Cache a class of which nothing but its status changed, which concerns no session; else return False."""
        former, parsed = self._classes.get(ref), parse_session_class(manifest)
        if former is None or former.without_status != parsed.without_status:
            return False
        # What was computed from the spec is known by the spec's identity.
        self._classes[ref] = replace(parsed, spec=former.spec)
        self._objects[ref] = stub(manifest)
        return True

    def _keep(self, ref: Ref, manifest: Manifest) -> None:
        is_new = ref not in self._objects
        changed: set[Ref] = set()
        if ref.kind == SESSION_KIND:
            changed |= self._rivals(self._sessions.get(ref))
            self._index(ref, self._with_taken(parse_session(kept(manifest, ()))))
            changed |= self._rivals(self._sessions[ref])
            manifest = stub(manifest)
        elif ref.kind == CLASS_KIND:
            self._classes[ref] = parse_session_class(manifest)
            changed |= self._of_class(ref)
            manifest = stub(manifest)
        self._objects[ref] = manifest
        if ref.kind == "Pod":
            for claim in claims(manifest):
                self._pods_by_claim[ref.namespace, claim].add(ref)
        if ref.kind in ("Pod", "Secret"):
            former, has = self.pools.put(ref, manifest)
            if former != has:
                self._attach({former, has})
            if ref.kind == "Pod" and (is_new or former != has):
                changed = {ref, *self.sessions_of(manifest)}
        if changed:
            self.on_capacity_change(changed)

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
        self._stubs.discard(ref)
        if ref.kind in ("Pod", "Secret"):
            self._attach({self.pools.remove(ref)})
        self._add_tombstone(former["metadata"]["uid"], version)
        if ref.kind == SESSION_KIND:
            session = self._sessions.pop(ref)
            self._sessions_by_uid.pop(session.uid, None)
            self._unlink(session)
            self.on_capacity_change(self._rivals(session))
            self.on_session_gone(session)
        elif ref.kind == CLASS_KIND:
            self._classes.pop(ref, None)
            self.on_capacity_change(self._of_class(ref))
        elif ref.kind == "Pod":
            for claim in claims(former):
                _discard(self._pods_by_claim, (ref.namespace, claim), ref)
            self.on_capacity_change({ref, *self.sessions_of(former)})

    def sessions(self) -> Iterator[Session]:
        """Iterate over all sessions."""
        yield from list(self._sessions.values())

    def session_of_connection(self, name: str) -> Ref | None:
        """Return the session to whose desktop a connection of this name leads."""
        return self._sessions_by_desktop.get(desktop_of_connection(name))

    def pool_of_connection(self, name: str) -> Ref | None:
        """Return the class in whose pool the desktop waits to which a connection of this name leads."""
        return self.pools.class_of_desktop(desktop_of_connection(name))

    def needs_connection(self, name: str) -> bool:
        """Return whether a session or a pool has the desktop to which a connection of this name leads."""
        return self.session_of_connection(name) is not None or self.pool_of_connection(name) is not None

    def sessions_of(self, child: Manifest) -> set[Ref]:
        """Return the sessions that an object concerns: by its owners, by its name, and by the volumes of a pod.

        A network policy concerns all sessions of its namespace.
        """
        meta = child["metadata"]
        if child["kind"] == NETWORK_POLICY_KIND:
            return {ref for ref in self._sessions if ref.namespace == meta["namespace"]}
        sessions = {self._sessions_by_uid.get(owner["uid"]) for owner in meta.get("ownerReferences") or ()}
        sessions.add(self._sessions_by_desktop.get(meta["name"]))
        sessions |= self._sessions_by_secret.get((meta.get("namespace", ""), meta["name"]), set())
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

    def sessions_that_depend_on(self, namespace: str, name: str) -> list[Session]:
        """Return the sessions that name a class, and those of its namespace whose status names the classes."""
        others = (each for each in self._sessions.values() if each.namespace == namespace and names_other_classes(each))
        return list({each.ref: each for each in (*self.sessions_of_class(namespace, name), *others)}.values())

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

    def other_classes(self, namespace: str, name: str) -> tuple[SessionClass, ...]:
        """Return the classes of a namespace, and the built-in one if it holds there, but the one of this name."""
        known = {ref.name: each for ref, each in self._classes.items() if ref.namespace == namespace}
        classes = {DEFAULT_CLASS: built_in(namespace)} | known
        return tuple(each for other, each in classes.items() if other != name)

    def pool_of(self, child: Manifest) -> Ref | None:
        """Return the class in whose pool the desktop waits that an object is part of; None if it waits in none."""
        namespace, name = child["metadata"]["namespace"], child["metadata"]["name"]
        if child["kind"] == "Pod" and (of := pool_of(child)):
            return Ref(CLASS_KIND, namespace, of)
        return self.pools.class_of(namespace, name)

    def pool_of_gone(self, pod: Manifest) -> Ref | None:
        """Return the class for whose pool a pod was made that is gone; None if a session has its desktop."""
        ref = ref_of(pod)
        of = (pod["metadata"].get("labels") or {}).get(POOL) or pool_of(pod)
        if not of or ref.name in self._sessions_by_desktop:
            return None
        return Ref(CLASS_KIND, ref.namespace, str(of))

    def pool_keys(self) -> set[Ref]:
        """Return the classes that want a pool, have one, or say that they have one."""
        told = {
            ref
            for ref, each in self._classes.items()
            if each.spec.warm_pool is not None or each.pool_status is not None
        }
        return told | set(self.pools.keys())

    def unread_of(self, namespace: str, name: str) -> list[Ref]:
        """Return the objects of a desktop that must be read again, because they were seen before their pod was."""
        return [ref for kind in CHILD_KINDS if (ref := Ref(kind, namespace, name)) in self._stubs]

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

    def _concerns(self, child: Manifest) -> bool:
        return bool(self.sessions_of(child)) or self._of_pool(child)

    def _of_pool(self, child: Manifest) -> bool:
        """Return whether an object is part of a desktop of a pool. Its class, or its pod, may become known after it."""
        if child["kind"] != "Pod":
            return was_of_pool(child)
        name = pool_of(child)
        of = self._classes.get(Ref(CLASS_KIND, child["metadata"]["namespace"], name))
        return bool(name) and (of is None or controller_uid(child) == of.uid)

    def _with_taken(self, session: Session) -> Session:
        """Return the session with the desktop that it has taken: of several, the one that it was known with."""
        names = self.pools.taken(session.uid)
        known = self._sessions.get(session.ref)
        if known is not None and known.taken in names:
            return replace(session, taken=known.taken)
        return replace(session, taken=names[0]) if names else session

    def _attach(self, uids: set[str]) -> None:
        """Tell sessions by their UIDs which desktop they have taken now."""
        for ref in filter(None, map(self._sessions_by_uid.get, uids)):
            self._index(ref, self._with_taken(replace(self._sessions[ref], taken="")))

    def _rivals(self, session: Session | None) -> set[Ref]:
        """Return a session and the others on its volume."""
        if session is None:
            return set()
        claim = claim_name(session)
        return {session.ref} | (self._sessions_by_claim.get((session.namespace, claim), set()) if claim else set())

    def _of_class(self, ref: Ref) -> set[Ref]:
        """Return the sessions of a class, and the others on their volumes."""
        return {rival for each in self.sessions_of_class(ref.namespace, ref.name) for rival in self._rivals(each)}

    def _index(self, ref: Ref, session: Session) -> None:
        if (former := self._sessions.get(ref)) is not None:
            self._unlink(former)
        self._sessions[ref] = session
        self._sessions_by_uid[session.uid] = ref
        self._sessions_by_desktop |= dict.fromkeys(_desktop_names(session), ref)
        self._sessions_by_class[session.namespace, session.spec.class_name].add(ref)
        for username in access_list(session):
            self._sessions_by_user[username].add(ref)
            self._sessions_by_secret[session.namespace, user_secret_name(username)].add(ref)
        if claim := claim_name(session):
            self._sessions_by_claim[session.namespace, claim].add(ref)

    def _unlink(self, session: Session) -> None:
        for name in _desktop_names(session):
            self._sessions_by_desktop.pop(name, None)
        _discard(self._sessions_by_class, (session.namespace, session.spec.class_name), session.ref)
        _discard(self._sessions_by_claim, (session.namespace, claim_name(session)), session.ref)
        for username in access_list(session):
            _discard(self._sessions_by_user, username, session.ref)
            _discard(self._sessions_by_secret, (session.namespace, user_secret_name(username)), session.ref)

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


def _may_concern(child: Manifest) -> bool:
    """Return whether a session may become known to which an object belongs."""
    name = child["metadata"]["name"]
    return is_generated(name) or name.startswith(USER_SECRET_PREFIX) or (child["kind"] == "Pod" and bool(claims(child)))


def _version(manifest: Manifest) -> int:
    """Return the resource version as a number, which it is in every API server so far; 0 if it is not one."""
    return _number(manifest["metadata"].get("resourceVersion", ""))


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0
