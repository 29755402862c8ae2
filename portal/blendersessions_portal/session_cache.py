"""What one watch showed of the sessions and classes of the portal's namespace, for all pages together.

It is filled by `session_watch.py`. Nothing here sends a request.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.model.session_class import SessionClass, parse_session_class
from blendersessions_portal.freshness import Freshness
from blendersessions_portal.session_view import OWNER_HASH_LABEL, SessionView, owner_hash, read_session
from blendersessions_portal.transfer_rules import TransferRules, rules_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from blendersessions.model.manifest import Manifest

logger = logging.getLogger(__name__)

EVERYBODY: Final = ""
"""In place of an owner: what was told concerns all of them."""
_MAX_GONE: Final = 1000
"""Deleted sessions that are remembered, so that an answer that was on its way brings none of them back."""


@dataclass(frozen=True)
class _Known:
    view: SessionView
    version: int
    """0 if the API server's versions are no numbers: then what comes later is newer."""
    label: str
    """The label by which the portal finds what it made; empty if somebody else made it."""
    noted: int = 0
    """The number of the answer that it came by; 0 for lists and watches."""


class SessionCache:
    """The sessions and the rules of classes, as they were last seen."""

    def __init__(self) -> None:
        self.sessions = Freshness(lambda: self._tell(EVERYBODY))
        self.classes = Freshness(lambda: None)
        self._known: dict[str, _Known] = {}
        self._names_of: defaultdict[str, set[str]] = defaultdict(set)
        self._rules: dict[str, TransferRules] = {}
        self._classes: dict[str, SessionClass] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._noted = 0
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have a function called with each owner whose sessions have changed, or with `EVERYBODY`."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Stop the timers."""
        self.sessions.close()
        self.classes.close()

    def of(self, owner: str) -> list[SessionView]:
        """Return the owner's sessions, the newest first."""
        known, label = (self._known[name] for name in self._names_of.get(owner, ())), owner_hash(owner)
        # As by a request: what somebody else made for this owner is not in the list.
        own = [each.view for each in known if each.label == label]
        return sorted(own, key=lambda session: (session.created, session.name), reverse=True)

    def every(self) -> list[SessionView]:
        """Return the sessions of all owners, also those that the portal did not make, the newest first."""
        views = (known.view for known in self._known.values())
        return sorted(views, key=lambda session: (session.created, session.name), reverse=True)

    def get(self, name: str) -> SessionView | None:
        """Return a session, whosever it is; None if it is not known."""
        known = self._known.get(name)
        return known.view if known is not None else None

    def everybody(self) -> list[SessionView]:
        """Return all sessions, for what is told of them together."""
        return [known.view for known in self._known.values()]

    def count(self) -> int:
        """Return the number of the portal's sessions, without those that are being deleted."""
        return sum(bool(known.label) and not known.view.ending for known in self._known.values())

    def rules(self, class_name: str) -> TransferRules | None:
        """Return what a class lets in and out; None if that is not known for certain."""
        return self._rules.get(class_name) if self.classes.is_current else None

    def every_class(self) -> list[SessionClass]:
        """Return the classes by name, with what was last reported of their pools."""
        return [self._classes[name] for name in sorted(self._classes)]

    @property
    def answers(self) -> int:
        """How many answers were noted until now."""
        return self._noted

    def replace(self, bodies: Iterable[Manifest], version: str, answers: int) -> None:
        """Take over a list of all sessions, also one of an earlier state, as after a restore of etcd.

        Args:
            bodies: the sessions.
            version: the resource version of the list.
            answers: how many answers had been noted when the list was asked for. Later ones may be newer than it.
        """
        before, self._known = self._known, {}
        self._names_of.clear()
        for body in bodies:
            if known := _read(body):
                self._keep(known)
                self._gone.pop(known.view.uid, None)
        for name, known in before.items():
            if known.noted > answers and known.version > _number(version):
                self._keep(known)
            elif name not in self._known:
                self._forget(known.view.uid)
        for name in before.keys() | self._known.keys():
            self._tell_difference(before.get(name), self._known.get(name))

    def put(self, body: Manifest) -> None:
        """Take over a session that the watch showed."""
        self._put(_read(body))

    def note(self, body: Manifest) -> None:
        """Take over an answer to a request of ours, which the watch may show a moment later, or may have shown."""
        known = _read(body) if self.sessions.is_filled else None
        if known is not None and known.view.uid not in self._gone:
            self._noted += 1
            self._put(replace(known, noted=self._noted))

    def note_deletion(self, name: str, uid: str) -> None:
        """Take over that a session is being deleted, at our request. The watch shows when it is gone."""
        known = self._known.get(name)
        if known is not None and known.view.uid == uid and not known.view.ending:
            session = replace(known.view.session, deleted_at=datetime.now(UTC))
            self._put(replace(known, view=replace(known.view, session=session)))

    def remove(self, body: Manifest) -> None:
        """Take over that a session is gone."""
        name, uid = str(body["metadata"]["name"]), str(body["metadata"]["uid"])
        self._forget(uid)
        known = self._known.get(name)
        if known is not None and known.view.uid == uid:
            del self._known[name]
            self._drop_name(known)
            self._tell_difference(known, None)

    def replace_classes(self, bodies: Iterable[Manifest]) -> None:
        """Take over a list of all classes."""
        before, self._rules, self._classes = self._rules, {}, {}
        for body in bodies:
            self._keep_class(body)
        if before != self._rules:
            self._tell(EVERYBODY)

    def put_class(self, body: Manifest, *, gone: bool) -> None:
        """Take over a class that the watch showed. Its status is no matter of the pages that stay current."""
        name = str(body["metadata"]["name"])
        before = self._rules.pop(name, None)
        self._classes.pop(name, None)
        if not gone:
            self._keep_class(body)
        if before != self._rules.get(name):
            self._tell(EVERYBODY)

    def _keep_class(self, body: Manifest) -> None:
        name = str(body["metadata"]["name"])
        self._rules[name], self._classes[name] = rules_in(body), parse_session_class(body)

    def _forget(self, uid: str) -> None:
        self._gone[uid] = None
        if len(self._gone) > _MAX_GONE:
            self._gone.popitem(last=False)

    def _put(self, known: _Known | None) -> None:
        if known is None:
            return
        before = self._known.get(known.view.name)
        if before is not None:
            if before.view.uid == known.view.uid and known.version < before.version:
                return
            self._drop_name(before)
        self._keep(known)
        self._tell_difference(before, known)

    def _keep(self, known: _Known) -> None:
        if listed := self._known.get(known.view.name):
            self._drop_name(listed)
        self._known[known.view.name] = known
        self._names_of[known.view.owner].add(known.view.name)

    def _drop_name(self, known: _Known) -> None:
        names = self._names_of[known.view.owner]
        names.discard(known.view.name)
        if not names:
            del self._names_of[known.view.owner]

    def _tell_difference(self, before: _Known | None, after: _Known | None) -> None:
        """Tell the owner, and a former one, if something is another than before that a page may show."""
        if before is not None and after is not None and _seen(before.view) == _seen(after.view):
            return
        for owner in {each.view.owner for each in (before, after) if each is not None}:
            self._tell(owner)

    def _tell(self, owner: str) -> None:
        for listener in self._listeners:
            listener(owner)


def _seen(view: SessionView) -> SessionView:
    """Return what of a session pages can show."""
    return replace(view, session=replace(view.session, resource_version="", finalizers=()))


def _read(body: Manifest) -> _Known | None:
    try:
        view = read_session(body)
    except (KeyError, TypeError, ValueError):
        logger.warning("The cluster sent a session that the portal cannot read. It is on no page.")
        return None
    labels = body["metadata"].get("labels") or {}
    return _Known(view, _number(view.session.resource_version), str(labels.get(OWNER_HASH_LABEL, "")))


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0
