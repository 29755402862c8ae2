"""Explain why a scene is not on screen yet, by what the agent that brings it in says, and name the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.fields import word
from blendersessions.model.scene_rules import classes_that_open
from blendersessions_operator.planning.endings import Explanation

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.scene_report import SceneReport

FAILURES: Final = frozenset(
    {
        Reason.SCENE_NOT_FOUND,
        Reason.SCENE_UNREACHABLE,
        Reason.SCENE_TOO_LARGE,
        Reason.NO_ROOM_FOR_SCENE,
        Reason.SCENE_CHECKSUM_MISMATCH,
        Reason.SCENE_UNREADABLE,
        Reason.SCENE_TOO_NEW,
        Reason.UPLOAD_TIMED_OUT,
    }
)
"""Reasons of `SceneReady` with which no scene comes until somebody acts."""
REFUSED_CLAIM: Final = (Reason.SCENE_NOT_FOUND, Reason.SCENE_NOT_ALLOWED)
"""Reasons with which the claim of `scene.volume` keeps a session from starting."""
_ON_THE_WAY: Final = frozenset({Reason.SCENE_FETCHING, Reason.AWAITING_UPLOAD})
_UNTOLD: Final = {
    Reason.SCENE_FETCHING: "The scene is being brought in.",
    Reason.AWAITING_UPLOAD: "The desktop waits for a file.",
}


def described(session: Session) -> str:
    """Return what a message calls the scene of a session."""
    scene = session.spec.scene
    if scene.url:
        return "the file at spec.scene.url"
    if scene.volume is not None:
        return f"the scene on the volume {scene.volume.claim_name}"
    if scene.upload is not None:
        return "the file that is uploaded"
    return scene.sample or "the empty scene"


def reported_reason(session: Session, observed: Observed) -> Reason:
    """Return why the scene of a desktop that runs is not on screen.

    A word of the agent's that is none of ours counts as loading, and so does all that it says of a sample.
    """
    report = observed.scene if session.spec.scene.is_brought_in else None
    reason = word(Reason, report.reason) if report is not None else None
    return reason if reason is not None and reason in FAILURES | _ON_THE_WAY else Reason.SCENE_LOADING


def has_failed(session: Session, observed: Observed) -> bool:
    """Return whether the agent has given up bringing the scene in."""
    return reported_reason(session, observed) in FAILURES


def goes_on(session: Session, report: SceneReport | None) -> bool:
    """Return whether the agent says that the scene is on its way or on screen, after whatever failed before."""
    if report is None or not session.spec.scene.is_brought_in:
        return False
    return report.ready or word(Reason, report.reason) not in FAILURES | {Reason.AWAITING_UPLOAD}


def explain_scene(session: Session, observed: Observed) -> Explanation:
    """Return why the scene of a desktop that runs is not on screen, and what to do if somebody has to do something."""
    reason = reported_reason(session, observed)
    if reason is Reason.SCENE_LOADING or observed.scene is None:
        return Explanation(Reason.SCENE_LOADING, f"Blender is opening {described(session)}.")
    told = observed.scene.message or _UNTOLD.get(reason, f"The agent says no more of {described(session)}.")
    return Explanation(reason, " ".join([told, _way_out(session, observed, reason)]).strip())


def names_other_classes(session: Session) -> bool:
    """Return whether the status names classes that take or open the session's scene, and so depends on all of them."""
    scene, desktop = (
        session.status.condition(kind) for kind in (ConditionType.SCENE_READY, ConditionType.DESKTOP_READY)
    )
    if scene is not None and scene.reason == Reason.SCENE_TOO_NEW:
        return True
    return session.spec.scene.is_brought_in and desktop is not None and desktop.reason == Reason.BEYOND_CLASS


def how_to_upload(session: Session) -> str:
    """Return the sentence that says how a file gets into a session that waits for one."""
    command = f"blendersessions upload {session.name} FILE -n {session.namespace}"
    return f"Upload a .blend, or a .zip with one .blend at its top, in the portal or by {command}."


def _way_out(session: Session, observed: Observed, reason: Reason) -> str:
    name, field = session.spec.class_name, _field(session)
    anew = "suspend and resume the session"
    match reason:
        case Reason.AWAITING_UPLOAD | Reason.UPLOAD_TIMED_OUT:
            return how_to_upload(session)
        case Reason.SCENE_TOO_NEW:
            return classes_that_open(observed.scene.needs if observed.scene is not None else "", observed.classes)
        case Reason.SCENE_TOO_LARGE:
            return (
                f"Name a smaller file in {field}, or have an administrator raise transfer.maxBytes of the class "
                f"{name}: the desktop then starts anew by itself."
            )
        case Reason.NO_ROOM_FOR_SCENE:
            return f"Once there is room, {anew}."
        case Reason.SCENE_CHECKSUM_MISMATCH:
            return f"Correct spec.scene.sha256 or {field}, and the desktop starts anew by itself."
        case Reason.SCENE_UNREACHABLE | Reason.SCENE_NOT_FOUND | Reason.SCENE_UNREADABLE:
            return f"Correct {field}, and the desktop starts anew by itself; or mend what is there, and {anew}."
        case _:
            return ""


def _field(session: Session) -> str:
    scene = session.spec.scene
    if scene.volume is not None:
        return "spec.scene.volume"
    return "spec.scene.url" if scene.url else "spec.scene"
