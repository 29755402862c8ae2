"""The conditions of a session: what is so, why, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from blendersessions.model import conditions as c
from blendersessions.model.conditions import Condition, timestamp
from blendersessions.model.durations import write
from blendersessions.model.errors import Invalid, NameTaken, OwnerTaken, System, Unauthorised
from blendersessions.model.manifest import ref_of
from blendersessions_operator.planning import podstate
from blendersessions_operator.planning.desktop import awaited_size
from blendersessions_operator.planning.observed import Observed, not_owned, own_pod
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.pod import outdated

if TYPE_CHECKING:
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session


def compute_conditions(session: Session, observed: Observed) -> dict[str, Condition]:
    """State all conditions by type."""
    if session.deleting:
        return _terminating(observed)
    desktop = _with_volume(session, observed, _desktop(session, observed))
    scene = _scene(session, observed)
    connection = _connection(session, observed)
    suspended = _suspended(session, observed)
    stalled = _stalled(session, observed, (desktop, scene, connection))
    ready = Condition(c.READY, "True", c.SESSION_READY, "The scene is on screen: open status.clientURL in a browser.")
    if stalled.holds:
        ready = Condition(c.READY, "False", stalled.reason, stalled.message)
    elif session.suspend_requested:
        reason = c.SUSPENDED if suspended.holds else suspended.reason
        ready = Condition(c.READY, "False", reason, suspended.message)
    else:
        for part in (desktop, scene, connection):
            if not part.holds:
                ready = Condition(c.READY, "False", part.reason, part.message)
                break
    return {entry.type: entry for entry in (ready, desktop, scene, connection, suspended, stalled)}


def _desktop(session: Session, observed: Observed) -> Condition:
    error = observed.failures.get(Area.DESKTOP) or observed.failures.get(Area.SESSION)
    actual = own_pod(session, observed)
    if session.suspend_requested:
        return _stopping(actual is not None)
    if actual is None:
        if error is not None:
            return Condition(c.DESKTOP_READY, "False", _desktop_reason(error), str(error))
        return _not_begun(session, observed)
    if podstate.has_ended(actual) or not podstate.is_running(actual) or podstate.start_error(actual):
        why = podstate.why_not_running(actual)
        return Condition(c.DESKTOP_READY, "False", why.reason, why.message)
    if observed.settings is not None and outdated(actual, session, observed.settings):
        message = "Blender runs with the settings of its start; suspend and resume the session to have the new ones."
        return Condition(c.DESKTOP_READY, "True", c.RESTART_NEEDED, message)
    return Condition(c.DESKTOP_READY, "True", c.DESKTOP_RUNNING, "The pod runs.")


def _with_volume(session: Session, observed: Observed, desktop: Condition) -> Condition:
    """Add what becomes of a larger volume, which neither waits for the desktop nor holds it up."""
    if size := awaited_size(session, observed):
        said = f"The workspace grows to {size} by itself when its volume claim is bound."
        return replace(desktop, message=f"{desktop.message} {said}")
    refused = observed.failures.get(Area.DESKTOP)
    if desktop.holds and refused is not None:
        return replace(desktop, message=f"{desktop.message} Not all of it is as it should be: {refused}")
    return desktop


def _stopping(ending: bool) -> Condition:
    if ending:
        return Condition(c.DESKTOP_READY, "False", c.SUSPENDING, "The pod is being stopped.")
    return Condition(c.DESKTOP_READY, "False", c.SUSPENDED, "The pod is stopped.")


def _not_begun(session: Session, observed: Observed) -> Condition:
    name = session.spec.class_name
    if observed.class_error:
        message = f"The class {name} cannot be used. {observed.class_error} The session starts when that is done."
        return Condition(c.DESKTOP_READY, "False", c.CLASS_INVALID, message)
    if observed.settings is None:
        message = (
            f"The namespace {session.namespace} has no BlenderSessionClass {name}: the session starts when there is "
            "one. kubectl get bsc lists those that there are."
        )
        return Condition(c.DESKTOP_READY, "False", c.CLASS_NOT_FOUND, message)
    if observed.settings.refusals:
        return Condition(c.DESKTOP_READY, "False", c.BEYOND_CLASS, " ".join(observed.settings.refusals))
    if observed.position is not None:
        message = (
            f"As many sessions of the class {name} run as it allows. This one is number {observed.position} in the "
            "line, and starts by itself."
        )
        return Condition(c.DESKTOP_READY, "False", c.QUEUED, message)
    return Condition(c.DESKTOP_READY, "False", c.DESKTOP_PENDING, "The pod does not exist yet.")


def _desktop_reason(error: DomainError) -> str:
    if isinstance(error, NameTaken):
        return c.NAME_TAKEN
    if isinstance(error, (Invalid, Unauthorised)):
        return c.DESKTOP_REFUSED
    return c.KUBERNETES_UNAVAILABLE


def _scene(session: Session, observed: Observed) -> Condition:
    scene = session.spec.scene.sample or "the empty scene"
    actual = own_pod(session, observed) if not session.suspend_requested else None
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
    error = observed.failures.get(Area.ACCESS)
    access = observed.access
    if error is not None:
        return Condition(c.CONNECTION_READY, "False", _access_reason(error), str(error))
    if access.inspected and (session.username, session.desktop.name) in access.grants:
        message = f"Guacamole's user {session.username} may open the connection {session.desktop.name}."
        if refused := observed.failures.get(Area.VIEWERS):
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
    if error.system is System.KUBERNETES:
        return c.KUBERNETES_UNAVAILABLE
    if isinstance(error, Unauthorised):
        return c.GUACAMOLE_CREDENTIALS_REFUSED
    return c.GUACAMOLE_REFUSED if isinstance(error, Invalid) else c.GUACAMOLE_UNAVAILABLE


def _suspended(session: Session, observed: Observed) -> Condition:
    if not session.suspend_requested:
        return Condition(c.SUSPENDED, "False", c.RUNNING, "Nobody asked for it.")
    if failure := observed.failures.get(Area.SAVING):
        message = f"The scene is not saved, so the desktop runs on, and it is tried again: {failure}"
        return Condition(c.SUSPENDED, "False", c.SAVE_FAILED, message)
    if own_pod(session, observed) is not None:
        return Condition(c.SUSPENDED, "False", c.SUSPENDING, "The scene is being saved and the pod stopped.")
    reason = str(session.suspension.get("reason") or c.REQUESTED)
    saved = "The scene is in the workspace. " if session.spec.workspace else "Without a workspace nothing was kept. "
    back = {
        c.REQUESTED: "Set spec.suspend to false to go on.",
    }.get(reason, "Give the annotation blendersessions.io/resume a new value to go on.")
    why = {
        c.REQUESTED: "spec.suspend says so. ",
        c.IDLE: "Nobody worked in it for as long as idleAfter. ",
        c.MAX_AGE: "It ran for as long as maxAge. ",
    }.get(reason, "")
    return Condition(c.SUSPENDED, "True", reason, f"{why}{saved}{back}")


def _stalled(session: Session, observed: Observed, parts: tuple[Condition, ...]) -> Condition:
    if session.spec_error:
        return Condition(c.STALLED, "True", c.INVALID, session.spec_error)
    if taken := _taken(observed):
        return taken
    for other in not_owned(session, observed):
        message = f"{ref_of(other)} is not this session's: delete or rename it, and the session starts."
        return Condition(c.STALLED, "True", c.NAME_TAKEN, message)
    refused = observed.failures.get(Area.DESKTOP)
    if isinstance(refused, Invalid):
        return Condition(c.STALLED, "True", c.INVALID, str(refused))
    actual = own_pod(session, observed)
    looping = actual is not None and podstate.is_looping(actual)
    for entry in parts[:2]:
        hopeless = entry.reason in podstate.UNRECOVERABLE or entry.reason == c.SCENE_NOT_FOUND
        if not entry.holds and (hopeless or (looping and entry.type == c.DESKTOP_READY)):
            return Condition(c.STALLED, "True", entry.reason, entry.message)
    if not session.suspend_requested and parts[0].reason == c.BEYOND_CLASS:
        return Condition(c.STALLED, "True", c.BEYOND_CLASS, parts[0].message)
    return _late(session, observed, parts)


def _taken(observed: Observed) -> Condition | None:
    for part, error in observed.failures.items():
        if part is not Area.VIEWERS and isinstance(error, NameTaken | OwnerTaken):
            reason = c.NAME_TAKEN if isinstance(error, NameTaken) else c.OWNER_TAKEN
            return Condition(c.STALLED, "True", reason, str(error))
    return None


def started_at(session: Session, observed: Observed) -> str:
    """Return since when the present run starts, as the status says or is about to say; empty: it does not start."""
    former = session.status
    if "startedAt" in former or not observed.may_start or session.suspend_requested:
        return str(former.get("startedAt", ""))
    waited = "queuedAt" in former or bool(former.get("suspension"))
    return timestamp(observed.now if waited else session.created_at)


def _late(session: Session, observed: Observed, parts: tuple[Condition, ...]) -> Condition:
    """Say whether the start takes longer than the class allows, and what it waits for."""
    started = started_at(session, observed)
    deadline = observed.settings.start_deadline if observed.settings is not None else None
    missing = next((entry for entry in parts if not entry.holds), None)
    starting = "readyAt" not in session.status and not session.suspend_requested and observed.position is None
    if started and starting and deadline and missing and observed.now - datetime.fromisoformat(started) >= deadline:
        message = f"Not ready within {write(deadline)}; it is tried further on. {missing.reason}: {missing.message}"
        return Condition(c.STALLED, "True", c.START_DEADLINE_EXCEEDED, message)
    return Condition(c.STALLED, "False", c.PROGRESSING, "Nothing stands in the way.")


def _terminating(observed: Observed) -> dict[str, Condition]:
    message = "The session is being deleted."
    connection = Condition(c.CONNECTION_READY, "False", c.TERMINATING, message)
    for part, error in observed.failures.items():
        reason = _access_reason(error) if part is Area.ACCESS else c.KUBERNETES_UNAVAILABLE
        connection = Condition(c.CONNECTION_READY, "False", reason, str(error))
        message = f"The session stays until its traces in Guacamole are removed ({reason}): {error}"
    ready = Condition(c.READY, "False", c.TERMINATING, message)
    return {entry.type: entry for entry in (ready, connection)}
