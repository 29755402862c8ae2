"""What to say about a session: conditions, phase and URL, from what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import conditions as c
from blendersessions.model.conditions import Condition, set_condition, timestamp
from blendersessions.model.errors import Invalid, NameTaken, OwnerTaken, Unauthorised
from blendersessions.model.manifest import ref_of
from blendersessions.model.names import view_name_for
from blendersessions.planning import podstate
from blendersessions.planning.desktop import outdated
from blendersessions.planning.observed import Observed, foreign, own_pod
from blendersessions.planning.steps import Part
from blendersessions.resources.connection import client_url
from blendersessions.resources.pod import pod

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.errors import DomainError
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session


def status(session: Session, observed: Observed, now: datetime) -> Manifest:
    """Compute the whole status; it equals the last one when nothing changed."""
    stated = _conditions(session, observed)
    kept = {"startedAt", "readyAt", "startup"}
    result: Manifest = {key: value for key, value in session.status.items() if key in kept}
    conditions: list[Manifest] = session.status.get("conditions") or []
    for condition in stated.values():
        conditions = set_condition(conditions, condition, generation=session.generation, now=now)
    result["observedGeneration"] = session.generation
    result["conditions"] = conditions
    result["phase"] = _phase(session, stated, observed)
    result.setdefault("startedAt", timestamp(now))
    if own_pod(session, observed) is not None:
        result["desktop"] = {"name": session.desktop_name}
    record = observed.access.connections.get(session.desktop_name)
    shown = observed.access.connections.get(view_name_for(session.uid))
    if record is not None:
        source = observed.access.data_source
        result["connection"] = {"name": record.name, "identifier": record.identifier, "dataSource": source}
    elif session.deleting and "connection" in session.status:
        # Whoever removes the rest must still know which tunnels were the session's.
        result["connection"] = session.status["connection"]
    if record is not None and stated[c.READY].holds:
        result["clientURL"] = client_url(observed.profile.public_url, record, observed.access.data_source)
        if shown is not None and session.spec.viewers:
            result["viewURL"] = client_url(observed.profile.public_url, shown, observed.access.data_source)
        if "readyAt" not in result:
            result["readyAt"] = timestamp(now)
            seconds = max(0.0, (now - session.created_at).total_seconds())
            result["startup"] = {"path": "Cold", "seconds": round(seconds, 3)}
    return result


def _conditions(session: Session, observed: Observed) -> dict[str, Condition]:
    if session.deleting:
        return _terminating(observed)
    desktop = _desktop(session, observed)
    scene = _scene(session, observed)
    connection = _connection(session, observed)
    stalled = _stalled(session, observed, (desktop, scene))
    ready = Condition(c.READY, "True", c.SESSION_READY, "The scene is on screen: open status.clientURL in a browser.")
    if stalled.holds:
        ready = Condition(c.READY, "False", stalled.reason, stalled.message)
    else:
        for part in (desktop, scene, connection):
            if not part.holds:
                ready = Condition(c.READY, "False", part.reason, part.message)
                break
    return {entry.type: entry for entry in (ready, desktop, scene, connection, stalled)}


def _desktop(session: Session, observed: Observed) -> Condition:
    error = observed.failures.get(Part.DESKTOP) or observed.failures.get(Part.SESSION)
    actual = own_pod(session, observed)
    if actual is None:
        if error is not None:
            return Condition(c.DESKTOP_READY, "False", _desktop_reason(error), str(error))
        return Condition(c.DESKTOP_READY, "False", c.DESKTOP_PENDING, "The pod does not exist yet.")
    if podstate.is_over(actual) or not podstate.is_running(actual) or podstate.start_error(actual):
        why = podstate.why_not_running(actual)
        return Condition(c.DESKTOP_READY, "False", why.reason, why.message)
    if outdated(actual, pod(session, observed.profile)):
        message = "Blender runs with the settings of its start; delete and create the session to have the new ones."
        return Condition(c.DESKTOP_READY, "True", c.RESTART_NEEDED, message)
    return Condition(c.DESKTOP_READY, "True", c.DESKTOP_RUNNING, "The pod runs.")


def _desktop_reason(error: DomainError) -> str:
    if isinstance(error, NameTaken):
        return c.NAME_TAKEN
    if isinstance(error, (Invalid, Unauthorised)):
        return c.DESKTOP_REFUSED
    return c.KUBERNETES_UNAVAILABLE


def _scene(session: Session, observed: Observed) -> Condition:
    scene = session.spec.scene.sample or "the empty scene"
    actual = own_pod(session, observed)
    if actual is not None and podstate.is_ready(actual):
        return Condition(c.SCENE_READY, "True", c.SCENE_VISIBLE, "The scene is on screen.")
    if actual is not None and (why := podstate.scene_error(actual)):
        return Condition(c.SCENE_READY, "False", why.reason, why.message)
    if actual is not None and podstate.is_running(actual) and not podstate.start_error(actual):
        return Condition(c.SCENE_READY, "False", c.SCENE_LOADING, f"Blender is opening {scene}.")
    return Condition(
        c.SCENE_READY, "False", c.DESKTOP_NOT_READY, f"{scene} is opened when the desktop runs.".capitalize()
    )


def _connection(session: Session, observed: Observed) -> Condition:
    error = observed.failures.get(Part.ACCESS)
    access = observed.access
    if error is not None:
        return Condition(c.CONNECTION_READY, "False", _access_reason(error), str(error))
    if access.inspected and (session.username, session.desktop_name) in access.grants:
        message = f"Guacamole's user {session.username} may open the connection {session.desktop_name}."
        if refused := observed.failures.get(Part.VIEWERS):
            return Condition(c.CONNECTION_READY, "True", c.VIEWER_REFUSED, f"{message} {refused}")
        return Condition(c.CONNECTION_READY, "True", c.REGISTERED, message)
    return Condition(
        c.CONNECTION_READY, "False", c.CONNECTION_PENDING, "The session is not registered in Guacamole yet."
    )


def _access_reason(error: DomainError) -> str:
    if isinstance(error, NameTaken):
        return c.NAME_TAKEN
    if isinstance(error, OwnerTaken):
        return c.OWNER_TAKEN
    if error.system == "Kubernetes":
        return c.KUBERNETES_UNAVAILABLE
    if isinstance(error, Unauthorised):
        return c.GUACAMOLE_CREDENTIALS_REFUSED
    return c.GUACAMOLE_REFUSED if isinstance(error, Invalid) else c.GUACAMOLE_UNAVAILABLE


def _stalled(session: Session, observed: Observed, parts: tuple[Condition, ...]) -> Condition:
    if session.spec_error:
        return Condition(c.STALLED, "True", c.INVALID, session.spec_error)
    for part, error in observed.failures.items():
        if part is Part.VIEWERS:
            continue
        if isinstance(error, NameTaken):
            return Condition(c.STALLED, "True", c.NAME_TAKEN, str(error))
        if isinstance(error, OwnerTaken):
            return Condition(c.STALLED, "True", c.OWNER_TAKEN, str(error))
    for other in foreign(session, observed):
        message = f"{ref_of(other)} is not this session's: delete or rename it, and the session starts."
        return Condition(c.STALLED, "True", c.NAME_TAKEN, message)
    refused = observed.failures.get(Part.DESKTOP)
    if isinstance(refused, Invalid):
        return Condition(c.STALLED, "True", c.INVALID, str(refused))
    for entry in parts:
        if not entry.holds and (entry.reason in podstate.HOPELESS or entry.reason == c.SCENE_NOT_FOUND):
            return Condition(c.STALLED, "True", entry.reason, entry.message)
    return Condition(c.STALLED, "False", c.PROGRESSING, "Nothing stands in the way.")


def _terminating(observed: Observed) -> dict[str, Condition]:
    message = "The session is being deleted."
    connection = Condition(c.CONNECTION_READY, "False", c.TERMINATING, message)
    for part, error in observed.failures.items():
        reason = _access_reason(error) if part is Part.ACCESS else c.KUBERNETES_UNAVAILABLE
        connection = Condition(c.CONNECTION_READY, "False", reason, str(error))
        message = f"The session stays until its traces in Guacamole are removed ({reason}): {error}"
    ready = Condition(c.READY, "False", c.TERMINATING, message)
    return {entry.type: entry for entry in (ready, connection)}


def _phase(session: Session, stated: dict[str, Condition], observed: Observed) -> str:
    if session.deleting:
        return "Terminating"
    if stated[c.STALLED].holds:
        return "Failed"
    if stated[c.READY].holds:
        return "Ready"
    return "Starting" if own_pod(session, observed) is not None else "Pending"
