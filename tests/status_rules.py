"""The rules for every status of a session, and for each change of one."""

from __future__ import annotations

import copy
import re
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blendersessions.model.status import parse_status

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]

CAMEL_CASE = re.compile(r"[A-Z][A-Za-z0-9]*")
CREDENTIAL = re.compile(r"(token|password)=|//[^/]*@", re.IGNORECASE)


class StatusRules:
    """Checks each version of any number of sessions, in order, and records what breaks a rule."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self._former: dict[str, Object] = {}

    def see(self, session: Object) -> None:
        """Check a version, unless it is the one that was checked last."""
        meta = session["metadata"]
        former = self._former.get(meta["uid"])
        if former is not None and former["metadata"]["resourceVersion"] == meta["resourceVersion"]:
            return
        self._former[meta["uid"]] = copy.deepcopy(session)
        faults = [*faults_of(session), *(faults_of_change(former, session) if former is not None else ())]
        where = f"{meta['namespace']}/{meta['name']} (version {meta['resourceVersion']})"
        self.violations += [f"{where}: {fault}" for fault in faults]

    def forget(self, uid: str = "") -> None:
        """Forget a session that is gone, or all of them when versions may have been missed."""
        if uid:
            self._former.pop(uid, None)
        else:
            self._former.clear()

    def check(self) -> None:
        """Fail with the violations since the last check.

        Raises:
            AssertionError: a rule was broken.
        """
        broken, self.violations = self.violations, []
        if broken:
            raise AssertionError("\n".join(["the status of a session broke its rules:", *broken]))


def faults_of(session: Object) -> Iterator[str]:
    """Yield what is wrong with one version by itself. A status that the operator has not written yet has no faults."""
    status = session.get("status") or {}
    if not status:
        return
    conditions = status.get("conditions") or []
    by_type = _by_type(session)
    for kind, number in Counter(entry["type"] for entry in conditions).items():
        if number > 1:
            yield f"the condition {kind} is there {number} times"
    for entry in conditions:
        yield from (f"{entry['type']}: {fault}" for fault in _faults_of_condition(entry))
    yield from _faults_of_observers(session)
    yield from _faults_of_readiness(status, by_type)
    written = parse_status(status).to_manifest()
    for key in sorted(status.keys() | written.keys()):
        if status.get(key) != written.get(key):
            yield f"{key} is {status.get(key)!r}, and would be read and written as {written.get(key)!r}"


def faults_of_change(former: Object, session: Object) -> Iterator[str]:
    """Tell what is wrong with one version as the next one after another."""
    if _without_version(former) == _without_version(session):
        yield "it was written, and nothing changed"
    after = _observers(session)
    for what, holder in _observers(former).items():
        before, now = holder.get("observedGeneration", 0), after.get(what, {}).get("observedGeneration", 0)
        if what not in after:
            yield f"{what} was there, and is gone"
        elif now < before:
            yield f"{what} had seen generation {before}, and goes back to {now}"
    conditions = _by_type(session)
    for kind, entry in _by_type(former).items():
        if kind in conditions:
            yield from _faults_of_transition(entry, conditions[kind])


def _faults_of_observers(session: Object) -> Iterator[str]:
    for what, holder in _observers(session).items():
        observed, generation = holder.get("observedGeneration"), session["metadata"]["generation"]
        if observed is None:
            yield f"{what} has no observedGeneration"
        elif observed > generation:
            yield f"{what} has seen generation {observed}, and the session is at {generation}"


def _faults_of_readiness(status: Object, by_type: dict[str, Object]) -> Iterator[str]:
    for key in ("clientURL", "viewURL"):
        if CREDENTIAL.search(status.get(key, "")):
            yield f"{key} holds a credential"
    if "Ready" not in by_type:
        yield f"there is no condition Ready, only {sorted(by_type)}, beside {sorted(status)}"
        return
    ready, phase = by_type["Ready"]["status"], status.get("phase", "")
    if (phase == "Ready") != (ready == "True"):
        yield f"the phase is {phase!r}, and Ready={ready}"
    if ("clientURL" in status) != (ready == "True"):
        yield f"{'there is a' if 'clientURL' in status else 'there is no'} clientURL, and Ready={ready}"


def _faults_of_condition(entry: Object) -> Iterator[str]:
    if entry.get("status") not in ("True", "False", "Unknown"):
        yield f"the status {entry.get('status')!r} is none of True, False, Unknown"
    if not CAMEL_CASE.fullmatch(entry.get("reason", "")):
        yield f"the reason {entry.get('reason')!r} is no word in CamelCase"
    if not entry.get("message", "").strip():
        yield "there is no message"
    if _moment(entry) is None:
        yield f"the lastTransitionTime {entry.get('lastTransitionTime')!r} is no moment"


def _faults_of_transition(former: Object, entry: Object) -> Iterator[str]:
    before, now = _moment(former), _moment(entry)
    if before is None or now is None:
        return
    change = f"from {former['lastTransitionTime']} to {entry['lastTransitionTime']}"
    if former.get("status") == entry.get("status") and before != now:
        yield f"{entry['type']}: lastTransitionTime moved {change}, and the status is {entry.get('status')} as before"
    elif now < before:
        yield f"{entry['type']}: the status changed to {entry.get('status')}, and lastTransitionTime went back {change}"


def _observers(session: Object) -> dict[str, Object]:
    """Return what has an observedGeneration of its own: the status, and each condition."""
    status = session.get("status") or {}
    return ({"the status": status} if status else {}) | {
        f"the condition {kind}": entry for kind, entry in _by_type(session).items()
    }


def _by_type(session: Object) -> dict[str, Object]:
    return {entry["type"]: entry for entry in (session.get("status") or {}).get("conditions") or ()}


def _moment(entry: Object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(entry.get("lastTransitionTime", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _without_version(session: Object) -> Object:
    meta = {key: value for key, value in session["metadata"].items() if key != "resourceVersion"}
    return session | {"metadata": meta}
