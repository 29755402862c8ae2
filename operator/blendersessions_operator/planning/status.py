"""What to say about a session: its whole status, from what was observed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model import conditions as c
from blendersessions.model.conditions import Condition, set_condition, timestamp
from blendersessions.model.suspension import RESUME
from blendersessions_operator.planning.admission import requested_at
from blendersessions_operator.planning.conditions import compute_conditions, started_at
from blendersessions_operator.planning.observed import Observed, own_pod
from blendersessions_operator.resources.connection import client_url
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session

STILL_ACTIVE: Final = timedelta(minutes=1)
"""`lastActiveAt` is written when it moved by more, or when something else is written: it is for people."""


def status(session: Session, observed: Observed) -> Manifest:
    """Compute the whole status; it equals the last one when nothing changed."""
    stated = compute_conditions(session, observed)
    former, now = session.status, observed.now
    conditions: list[Manifest] = former.get("conditions") or []
    for condition in stated.values():
        conditions = set_condition(conditions, condition, generation=session.generation, now=now)
    result: Manifest = {
        "observedGeneration": session.generation,
        "conditions": conditions,
        "phase": _phase(session, stated, observed),
    }
    result |= _run(session, observed) | _connection(session, observed)
    if own_pod(session, observed) is not None:
        result["desktop"] = {"name": session.desktop.name}
    if claim := claim_name(session):
        result["workspace"] = {"claimName": claim}
    if session.suspend_requested and session.suspension:
        result["suspension"] = session.suspension
    if session.deleting:
        return result
    if stated[c.READY].holds:
        result |= _opened(session, observed)
        result |= _ready(result, observed)
    if "readyAt" in result:
        result["activity"] = _activity(session, observed, result)
    return result


def with_suspension(session: Session, reason: str, now: datetime) -> Manifest:
    """Compute the status that notes a suspension, and which wish to resume there was already.

    A session that is made suspended has no status yet: `Ready` stands in its first one, as in every other.
    """
    suspension = {"reason": reason, "at": timestamp(now), "resume": session.annotations.get(RESUME, "")}
    noted: Manifest = session.status | {"suspension": suspension}
    if session.status.get("conditions"):
        return noted
    ready = Condition(c.READY, "False", c.SUSPENDING, "The session is to be suspended.")
    conditions = set_condition((), ready, generation=session.generation, now=now)
    return noted | {"observedGeneration": session.generation, "conditions": conditions, "phase": "Suspending"}


def _run(session: Session, observed: Observed) -> Manifest:
    """Return what is kept of the present run: since when it waits, starts, and is ready."""
    former = session.status
    if session.suspend_requested:
        return {}
    if observed.position is not None:
        return {"queuePosition": observed.position, "queuedAt": timestamp(requested_at(session, observed.now))}
    started = started_at(session, observed)
    if not started:
        return {}
    return {"startedAt": started} | {key: former[key] for key in ("readyAt", "startup") if key in former}


def _connection(session: Session, observed: Observed) -> Manifest:
    record = observed.access.connections.get(session.desktop.name)
    if record is not None:
        source = observed.access.data_source
        return {"connection": {"name": record.name, "identifier": record.identifier, "dataSource": source}}
    if session.deleting and "connection" in session.status:
        # Whoever removes the rest must still know which tunnels were the session's.
        return {"connection": session.status["connection"]}
    return {}


def _opened(session: Session, observed: Observed) -> Manifest:
    access, base = observed.access, observed.installation.public_url
    urls = {"clientURL": client_url(base, access.connections[session.desktop.name], access.data_source)}
    shown = access.connections.get(session.desktop.view_connection)
    if shown is not None and session.spec.viewers:
        urls["viewURL"] = client_url(base, shown, access.data_source)
    return urls


def _ready(result: Manifest, observed: Observed) -> Manifest:
    if "readyAt" in result:
        return {}
    seconds = max(0.0, (observed.now - datetime.fromisoformat(result["startedAt"])).total_seconds())
    return {"readyAt": timestamp(observed.now), "startup": {"path": "Cold", "seconds": round(seconds, 3)}}


def _activity(session: Session, observed: Observed, run: Manifest) -> Manifest:
    started_at, ready_at = (datetime.fromisoformat(run[key]) for key in ("startedAt", "readyAt"))
    activity = replace(observed.activity, started_at=started_at, ready_at=ready_at)
    decision = replace(observed, activity=activity).lifetime
    stated: Manifest = {"users": observed.users, "keptAliveBy": str(decision.kept_alive_by)}
    if decision.expires_at is not None and decision.reason is not None:
        stated |= {"expiresAt": timestamp(decision.expires_at), "expiryReason": str(decision.reason)}
    former: Manifest = session.status.get("activity") or {}
    if decision.last_active_at is None:
        return stated
    before = former.get("lastActiveAt")
    rest = {key: value for key, value in former.items() if key != "lastActiveAt"}
    if before and rest == stated and decision.last_active_at - datetime.fromisoformat(before) < STILL_ACTIVE:
        return stated | {"lastActiveAt": before}
    return stated | {"lastActiveAt": timestamp(decision.last_active_at)}


def _phase(session: Session, stated: dict[str, Condition], observed: Observed) -> str:
    if session.deleting:
        return "Terminating"
    if session.suspend_requested:
        return "Suspended" if stated[c.SUSPENDED].holds else "Suspending"
    if stated[c.STALLED].holds:
        return "Failed"
    if stated[c.READY].holds:
        return "Ready"
    if observed.position is not None:
        return "Queued"
    return "Starting" if own_pod(session, observed) is not None else "Pending"
