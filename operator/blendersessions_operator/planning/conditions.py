"""Compute the conditions of a session. Each message names what is wrong, why, and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Condition, ConditionType, Reason
from blendersessions.model.durations import write
from blendersessions.model.errors import (
    Altered,
    GroupTaken,
    Invalid,
    KindUnknown,
    NameTaken,
    OwnerNotAllowed,
    OwnerTaken,
    System,
    TooManyUsers,
    Unauthorised,
    UserMissing,
)
from blendersessions.model.manifest import ref_of
from blendersessions.model.scene_rules import classes_that_take
from blendersessions.model.status import EXACT_POSITIONS
from blendersessions_operator.planning import podstate
from blendersessions_operator.planning.claims import in_use_by
from blendersessions_operator.planning.confinement import explain_unconfined
from blendersessions_operator.planning.desktop import awaited_size
from blendersessions_operator.planning.endings import scene_error, start_error
from blendersessions_operator.planning.last_termination import cause_of_start
from blendersessions_operator.planning.lost_node import explain_lost
from blendersessions_operator.planning.observed import Observed, not_owned, own_pod
from blendersessions_operator.planning.pod_explanation import why_not_running
from blendersessions_operator.planning.scene import FAILURES, REFUSED_CLAIM, described, explain_scene, how_to_upload
from blendersessions_operator.planning.start_deadline import start_deadline, starting_since
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.stop_words import explain_stop, kept_files
from blendersessions_operator.planning.warm_start import awaits_scene, has_fallen_back
from blendersessions_operator.resources.pod import outdated
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.model.errors import DomainError
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session


_REFUSED: Final = (
    Reason.BEYOND_CLASS,
    Reason.WORKSPACE_NOT_ALLOWED,
    Reason.SCENE_NOT_ALLOWED,
    Reason.CLASS_FILES_NOT_ALLOWED,
    Reason.UNCONFINED,
)
"""Reasons of `DesktopReady` with which a session does not start until somebody acts."""


def compute_conditions(session: Session, observed: Observed) -> dict[str, Condition]:
    """Return all conditions by type."""
    if session.deleting:
        return _terminating(session, observed)
    desktop = _with_volume(session, observed, _desktop(session, observed))
    scene = _scene(session, observed)
    desktop, scene = _with_former_end(session, observed, desktop, scene)
    connection = _connection(session, observed)
    suspended = _suspended(session, observed)
    stalled = _stalled(session, observed, (desktop, scene, connection))
    ready = Condition(
        ConditionType.READY, "True", Reason.SESSION_READY, "The scene is on screen: open status.clientURL in a browser."
    )
    if stalled.holds:
        ready = Condition(ConditionType.READY, "False", stalled.reason, stalled.message)
    elif session.suspend_requested:
        reason = ConditionType.SUSPENDED if suspended.holds else suspended.reason
        ready = Condition(ConditionType.READY, "False", reason, suspended.message)
    else:
        for part in (desktop, scene, connection):
            if not part.holds:
                ready = Condition(ConditionType.READY, "False", part.reason, part.message)
                break
    return {entry.type: entry for entry in (ready, desktop, scene, connection, suspended, stalled)}


def _desktop(session: Session, observed: Observed) -> Condition:
    error = observed.failures.get(Area.DESKTOP) or observed.failures.get(Area.SESSION)
    actual = own_pod(session, observed)
    if session.suspend_requested:
        return _of_suspended(session, observed)
    if actual is None:
        if (refused := observed.failures.get(Area.NETWORK)) is not None:
            return Condition(ConditionType.DESKTOP_READY, "False", *explain_unconfined(session, refused))
        if error is not None:
            return Condition(ConditionType.DESKTOP_READY, "False", _desktop_reason(error), str(error))
        return _without_pod(session, observed)
    if has_fallen_back(session, observed):
        message = "The desktop of the pool did not show the scene. Another one is started."
        return Condition(ConditionType.DESKTOP_READY, "False", Reason.POD_STARTING, message)
    if _is_leaving(actual, observed) or not podstate.is_running(actual) or start_error(actual):
        explanation = why_not_running(actual, observed.now)
        return Condition(ConditionType.DESKTOP_READY, "False", explanation.reason, explanation.message)
    if observed.settings is not None and outdated(actual, session.desktop, session, observed.settings):
        message = "Blender runs with the settings of its start; suspend and resume the session to apply the new ones."
        return Condition(ConditionType.DESKTOP_READY, "True", Reason.RESTART_NEEDED, message)
    return Condition(ConditionType.DESKTOP_READY, "True", Reason.DESKTOP_RUNNING, "The pod runs.")


def _with_volume(session: Session, observed: Observed, desktop: Condition) -> Condition:
    """Add to the message that the volume will grow, what the class refuses, or that a repair failed."""
    if size := awaited_size(session, observed):
        growth = f"The workspace grows to {size} by itself when its volume claim is bound."
        return replace(desktop, message=f"{desktop.message} {growth}")
    if desktop.holds and (beyond := _beyond(observed)):
        desktop = replace(desktop, message=f"{desktop.message} It has no more than the class allows. {beyond}")
    failure = observed.failures.get(Area.NETWORK) or observed.failures.get(Area.DESKTOP)
    if desktop.holds and failure is not None:
        return replace(desktop, message=f"{desktop.message} A part of the desktop is not up to date: {failure}")
    return desktop


def _beyond(observed: Observed) -> str:
    """Return what a session that runs asks for in vain; empty if its class allows it all."""
    if observed.settings is None:
        return ""
    volume = observed.settings.volume_refusal
    return " ".join([*observed.settings.refusals, *([f"{volume}: it does not grow."] if volume else [])])


def _is_leaving(pod: Manifest, observed: Observed) -> bool:
    """Return whether the pod has ended, is ending, or is on a node that does not answer."""
    deleted = bool(pod["metadata"].get("deletionTimestamp"))
    return podstate.has_ended(pod) or deleted or explain_lost(pod, observed.now) is not None


def _with_former_end(
    session: Session, observed: Observed, desktop: Condition, scene: Condition
) -> tuple[Condition, Condition]:
    """Name what ended the former desktop, in the condition that the session waits for now."""
    cause = cause_of_start(session, observed)
    missing = next((entry for entry in (desktop, scene) if not entry.holds), None)
    if cause is None or missing is None or missing.reason == cause.reason:
        return desktop, scene
    told = replace(missing, message=f"{missing.message} The former desktop ended ({cause.reason}): {cause.message}")
    return (told, scene) if missing is desktop else (desktop, told)


def _of_suspended(session: Session, observed: Observed) -> Condition:
    pod = own_pod(session, observed)
    if pod is not None and (lost := explain_lost(pod, observed.now)):
        return Condition(ConditionType.DESKTOP_READY, "False", lost.reason, lost.message)
    if pod is not None:
        message = explain_stop(session, observed).message
        return Condition(ConditionType.DESKTOP_READY, "False", Reason.SUSPENDING, message)
    return Condition(ConditionType.DESKTOP_READY, "False", ConditionType.SUSPENDED, "The pod is stopped.")


def _without_pod(session: Session, observed: Observed) -> Condition:
    name = session.spec.class_name
    if observed.class_error:
        message = (
            f"The class {name} cannot be used. {observed.class_error} The session starts when the class is corrected."
        )
        return Condition(ConditionType.DESKTOP_READY, "False", Reason.CLASS_INVALID, message)
    if observed.settings is None:
        message = (
            f"The namespace {session.namespace} has no BlenderSessionClass {name}: the session starts when the class "
            "exists. kubectl get bsc lists the existing classes."
        )
        return Condition(ConditionType.DESKTOP_READY, "False", Reason.CLASS_NOT_FOUND, message)
    if observed.refusals:
        others = [classes_that_take(session, observed.classes)] if observed.settings.source_refused else []
        message = " ".join([*observed.refusals, *others])
        return Condition(ConditionType.DESKTOP_READY, "False", Reason.BEYOND_CLASS, message)
    if (refusal := observed.claim_refusal) is not None:
        return Condition(ConditionType.DESKTOP_READY, "False", refusal.reason, refusal.message)
    if (holder := observed.claim_holder) is not None:
        message = (
            f"The volume {claim_name(session)} of the workspace {in_use_by(holder)} and one volume has one desktop. "
            "This session starts by itself when that one is suspended or deleted."
        )
        return Condition(ConditionType.DESKTOP_READY, "False", Reason.WORKSPACE_IN_USE, message)
    if observed.position is not None:
        message = (
            f"The class {name} allows no further session now. "
            f"This one {_place_in_line(observed.position)} in the queue, and starts by itself."
        )
        return Condition(ConditionType.DESKTOP_READY, "False", Reason.QUEUED, message)
    return Condition(ConditionType.DESKTOP_READY, "False", Reason.DESKTOP_PENDING, "The pod does not exist yet.")


def _place_in_line(position: int) -> str:
    return f"has position {position}" if position <= EXACT_POSITIONS else f"is among the first {position}"


def _desktop_reason(error: DomainError) -> str:
    if isinstance(error, NameTaken):
        return Reason.NAME_TAKEN
    if isinstance(error, (Altered, Invalid, Unauthorised)):
        return Reason.DESKTOP_REFUSED
    return Reason.KUBERNETES_UNAVAILABLE


def _scene(session: Session, observed: Observed) -> Condition:
    actual = own_pod(session, observed) if not session.suspend_requested else None
    if actual is not None and podstate.is_ready(actual) and awaits_scene(session, observed):
        message = f"Blender is opening {described(session)}."
        return Condition(ConditionType.SCENE_READY, "False", Reason.SCENE_LOADING, message)
    if actual is not None and podstate.is_ready(actual):
        return Condition(ConditionType.SCENE_READY, "True", Reason.SCENE_VISIBLE, "The scene is on screen.")
    if actual is not None and (error := scene_error(actual)):
        return Condition(ConditionType.SCENE_READY, "False", error.reason, error.message)
    running = actual is not None and podstate.is_running(actual) and not _is_leaving(actual, observed)
    if actual is not None and running and not start_error(actual):
        told = explain_scene(session, observed)
        return Condition(ConditionType.SCENE_READY, "False", told.reason, told.message)
    refusal = observed.claim_refusal
    if actual is None and refusal is not None and refusal.reason in REFUSED_CLAIM and not session.suspend_requested:
        return Condition(ConditionType.SCENE_READY, "False", refusal.reason, refusal.message)
    message = f"The desktop opens {described(session)} when it runs."
    return Condition(ConditionType.SCENE_READY, "False", Reason.DESKTOP_NOT_READY, message)


def _connection(session: Session, observed: Observed) -> Condition:
    error = observed.failures.get(Area.ACCESS)
    access = observed.access
    if error is not None:
        return Condition(ConditionType.CONNECTION_READY, "False", _access_reason(error), str(error))
    record = access.connections.get(session.desktop.name)
    if access.inspected and record is not None and (session.username, session.desktop.name) in access.grants:
        if observed.guacd_error:
            return Condition(ConditionType.CONNECTION_READY, "False", Reason.GUACD_UNAVAILABLE, observed.guacd_error)
        message = f"Guacamole's user {session.username} may open the connection {record.name}."
        refused = [str(failure) for area, failure in observed.failures.items() if area is Area.VIEWERS]
        if observed.settings is not None and observed.settings.viewer_refusal:
            refused.append(observed.settings.viewer_refusal)
        if refused:
            message = " ".join([message, *refused])
            return Condition(ConditionType.CONNECTION_READY, "True", Reason.VIEWER_REFUSED, message)
        return Condition(ConditionType.CONNECTION_READY, "True", Reason.REGISTERED, message)
    return Condition(
        ConditionType.CONNECTION_READY,
        "False",
        Reason.CONNECTION_PENDING,
        "The session is not registered in Guacamole yet.",
    )


def _access_reason(error: DomainError) -> str:
    if reason := _reason_of(error, _ACCESS_REASONS):
        return reason
    if error.system is System.KUBERNETES:
        return Reason.KUBERNETES_UNAVAILABLE
    if isinstance(error, Unauthorised):
        return Reason.GUACAMOLE_CREDENTIALS_REFUSED
    return Reason.GUACAMOLE_REFUSED if isinstance(error, Invalid) else Reason.GUACAMOLE_UNAVAILABLE


def _suspended(session: Session, observed: Observed) -> Condition:
    if not session.suspend_requested:
        return _not_suspended(session, observed)
    if (pod := own_pod(session, observed)) is not None:
        if lost := explain_lost(pod, observed.now):
            return Condition(ConditionType.SUSPENDED, "False", Reason.SUSPENDING, lost.message)
        waits = explain_stop(session, observed)
        return Condition(ConditionType.SUSPENDED, "False", waits.reason, waits.message)
    suspension = session.status.suspension
    reason = (suspension.reason if suspension is not None else None) or Reason.REQUESTED
    cause = {
        Reason.REQUESTED: "spec.suspend is true. " if session.held else "spec.replicas is 0. ",
        Reason.IDLE: "Nobody worked in the session for the time of idleAfter. ",
        Reason.MAX_AGE: "The session ran for the time of maxAge. ",
    }.get(reason, "")
    message = f"{cause}{kept_files(session)} {_way_back(session)}"
    return Condition(ConditionType.SUSPENDED, "True", reason, message)


def _way_back(session: Session) -> str:
    scale = f"kubectl scale bs {session.name} --replicas=1"
    if not session.held:
        return f"Resume it with {scale}."
    rest = f", then resume it with {scale}" if session.scaled_to_zero else " to resume it"
    return f"Set spec.suspend to false{rest}."


def _not_suspended(session: Session, observed: Observed) -> Condition:
    """Say that nothing is suspended, or that an expiry cannot be carried out until somebody acts."""
    refused = observed.failures.get(Area.SESSION)
    if session.status.suspension is None or not isinstance(refused, Invalid | Unauthorised | KindUnknown):
        return Condition(ConditionType.SUSPENDED, "False", Reason.RUNNING, "No suspension is requested.")
    message = f"The session's time is over, and the suspension is refused: {refused}"
    return Condition(ConditionType.SUSPENDED, "False", Reason.SUSPENDING, message)


def _stalled(session: Session, observed: Observed, parts: tuple[Condition, ...]) -> Condition:
    if session.spec_error:
        return Condition(ConditionType.STALLED, "True", Reason.INVALID, session.spec_error)
    if taken := _taken(observed):
        return taken
    for other in not_owned(session, observed):
        message = f"{ref_of(other)} is not this session's: delete or rename it, and the session starts."
        return Condition(ConditionType.STALLED, "True", Reason.NAME_TAKEN, message)
    refused = observed.failures.get(Area.DESKTOP)
    if isinstance(refused, Invalid):
        return Condition(ConditionType.STALLED, "True", Reason.INVALID, str(refused))
    actual = own_pod(session, observed)
    failing = actual is not None and podstate.is_failing(actual)
    for entry in parts[:2]:
        # Without a pod, SceneNotFound is about a claim, which the session waits for.
        unrecoverable = entry.reason in podstate.UNRECOVERABLE or (actual is not None and entry.reason in FAILURES)
        if not entry.holds and (unrecoverable or (failing and entry.type == ConditionType.DESKTOP_READY)):
            return Condition(ConditionType.STALLED, "True", entry.reason, entry.message)
    if not session.suspend_requested and parts[0].reason in _REFUSED:
        return Condition(ConditionType.STALLED, "True", parts[0].reason, parts[0].message)
    return _start_deadline(session, observed, parts)


_TAKEN: Final = {
    NameTaken: Reason.NAME_TAKEN,
    OwnerTaken: Reason.OWNER_TAKEN,
    GroupTaken: Reason.GROUP_TAKEN,
    OwnerNotAllowed: Reason.OWNER_NOT_ALLOWED,
}
"""What others have to give or to leave. Somebody has to act before the session goes on."""
_ACCESS_REASONS: Final = _TAKEN | {
    UserMissing: Reason.OWNER_MISSING,
    TooManyUsers: Reason.TOO_MANY_USERS,
}
"""Why no connection can be opened, besides that a system failed."""


def _reason_of(error: DomainError, reasons: Mapping[type[DomainError], Reason]) -> Reason | None:
    return next((reason for kind, reason in reasons.items() if isinstance(error, kind)), None)


def _taken(observed: Observed) -> Condition | None:
    for area, error in observed.failures.items():
        if area is not Area.VIEWERS and (reason := _reason_of(error, _TAKEN)):
            return Condition(ConditionType.STALLED, "True", reason, str(error))
    return None


def _start_deadline(session: Session, observed: Observed, parts: tuple[Condition, ...]) -> Condition:
    """Return whether the start takes longer than the class allows, and what it waits for."""
    since = starting_since(session, observed)
    deadline = start_deadline(session, observed)
    missing = next((entry for entry in parts if not entry.holds), None)
    if since and deadline and missing and observed.now - since >= deadline:
        if missing.reason == Reason.AWAITING_UPLOAD:
            message = f"No file was uploaded within {write(deadline)}. One is still taken. {how_to_upload(session)}"
            return Condition(ConditionType.STALLED, "True", Reason.UPLOAD_TIMED_OUT, message)
        again = "again " if session.status.ready_at is not None else ""
        message = (
            f"Not ready {again}within {write(deadline)}; the start is still tried. {missing.reason}: {missing.message}"
        )
        return Condition(ConditionType.STALLED, "True", Reason.START_DEADLINE_EXCEEDED, message)
    return Condition(ConditionType.STALLED, "False", Reason.PROGRESSING, "Nothing stands in the way.")


def _terminating(session: Session, observed: Observed) -> dict[str, Condition]:
    message = "The session is being deleted."
    connection = Condition(ConditionType.CONNECTION_READY, "False", Reason.TERMINATING, message)
    desktop = Condition(ConditionType.DESKTOP_READY, "False", Reason.TERMINATING, "The pod is stopped.")
    scene = Condition(ConditionType.SCENE_READY, "False", Reason.TERMINATING, message)
    if own_pod(session, observed) is not None:
        waits = explain_stop(session, observed)
        reason = Reason.TERMINATING if waits.reason == Reason.SUSPENDING else waits.reason
        desktop = replace(desktop, reason=reason, message=waits.message)
        message = f"{message} {waits.message}"
    for area, error in observed.failures.items():
        reason = _access_reason(error) if area is Area.ACCESS else Reason.KUBERNETES_UNAVAILABLE
        connection = Condition(ConditionType.CONNECTION_READY, "False", reason, str(error))
        message = f"The session stays until its traces in Guacamole are removed ({reason}): {error}"
    ready = Condition(ConditionType.READY, "False", Reason.TERMINATING, message)
    return {entry.type: entry for entry in (ready, desktop, scene, connection)}
