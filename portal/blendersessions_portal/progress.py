"""How far a session has come and why it waits, in words for people. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from blendersessions.model.conditions import (
    CONNECTION_READY,
    DESKTOP_READY,
    INVALID,
    NAME_TAKEN,
    READY,
    SCENE_NOT_FOUND,
    SCENE_READY,
    STALLED,
)

if TYPE_CHECKING:
    from blendersessions_portal.session import Session

_UNNOTICED_AFTER = timedelta(seconds=15)
_SLOW_AFTER = timedelta(seconds=45)


class State(StrEnum):
    """Where a session or one of its steps stands."""

    WAITING = "waiting"
    WORKING = "working"
    READY = "ready"
    FAILED = "failed"
    ENDING = "ending"


@dataclass(frozen=True)
class Step:
    """One of the things that must be true before Blender can be opened."""

    title: str
    state: State
    message: str


@dataclass(frozen=True)
class Progress:
    """The whole: a headline, what it means, and the steps below."""

    state: State
    headline: str
    detail: str
    steps: tuple[Step, ...]


# Condition type, title, what it waits for while the operator has not said anything.
_STEPS = (
    (DESKTOP_READY, "Desktop", "Waits for a place in the cluster."),
    (SCENE_READY, "Scene", "Waits for the desktop."),
    (CONNECTION_READY, "Connection", "Waits to be registered in Guacamole."),
)

# Reason of a failure: headline, and the way out.
_FAILURES = {
    SCENE_NOT_FOUND: (
        "This scene does not exist",
        "The Blender that runs here has no scene of that name. Remove this session and choose another scene.",
    ),
    "DisplayFailed": (
        "The desktop's screen did not start",
        "Remove this session and start a new one. If that fails too, show the details to your administrator.",
    ),
    "BlenderFailed": (
        "Blender did not start",
        "Remove this session and start a new one. If that fails too, show the details to your administrator.",
    ),
    INVALID: (
        "This session cannot be served",
        "It asks for something that does not exist here. Remove it and start one from the scenes.",
    ),
    NAME_TAKEN: (
        "Something else has this session's name",
        "Remove this session and start a new one: that one gets a name of its own.",
    ),
}
_UNKNOWN_FAILURE = (
    "This session could not start",
    "Remove it and start a new one. If that fails too, show the details to your administrator.",
)


def describe(session: Session, now: datetime) -> Progress:
    """Say how far the session has come."""
    if session.ending:
        return Progress(State.ENDING, "Ending …", "The desktop is shut down and everything of this session goes.", ())
    if session.failed:
        reason = _failure_reason(session)
        headline, way_out = _FAILURES.get(reason, _UNKNOWN_FAILURE)
        return Progress(State.FAILED, headline, way_out, _steps(session, failed_reason=reason))
    if session.ready:
        return Progress(State.READY, "Ready", "Blender opens now.", _steps(session))
    return Progress(State.WORKING, "Blender is starting", _patience(session, now), _steps(session))


def _failure_reason(session: Session) -> str:
    for kind in (STALLED, SCENE_READY, DESKTOP_READY, CONNECTION_READY, READY):
        condition = session.conditions.get(kind)
        if condition and condition.reason in _FAILURES:
            return condition.reason
    stalled = session.conditions.get(STALLED) or session.conditions.get(READY)
    return stalled.reason if stalled else ""


def _patience(session: Session, now: datetime) -> str:
    waited = now - session.created
    if not session.conditions and waited > _UNNOTICED_AFTER:
        return (
            "Nobody has taken this session up yet. If this stays, the operator may not be running:"
            " tell your administrator."
        )
    if waited > _SLOW_AFTER:
        return (
            "This takes longer than usual. On a machine's first start the image has to be fetched; the steps say more."
        )
    return "This page opens Blender by itself as soon as it is there."


def _steps(session: Session, *, failed_reason: str = "") -> tuple[Step, ...]:
    broken = _broken_step(session, failed_reason) if session.failed else ""
    return tuple(_step(session, kind, title, waiting, broken=kind == broken) for kind, title, waiting in _STEPS)


def _step(session: Session, kind: str, title: str, waiting: str, *, broken: bool) -> Step:
    condition = session.conditions.get(kind)
    message = condition.message if condition else ""
    if condition and condition.holds:
        return Step(title, State.READY, message or "Done.")
    if broken:
        return Step(title, State.FAILED, message or _stalled_message(session))
    if condition and not session.failed:
        return Step(title, State.WORKING, message or waiting)
    return Step(title, State.WAITING, message or waiting)


def _broken_step(session: Session, reason: str) -> str:
    unfinished = [kind for kind, _, _ in _STEPS if not session.holds(kind)]
    for kind in unfinished:
        condition = session.conditions.get(kind)
        if condition and condition.reason == reason:
            return kind
    return unfinished[0] if unfinished else ""


def _stalled_message(session: Session) -> str:
    for kind in (STALLED, READY):
        condition = session.conditions.get(kind)
        if condition and condition.message:
            return condition.message
    return "The operator gave no reason."


def age(created: datetime, now: datetime) -> str:
    """Say how long ago that was, in the largest unit that fits."""
    seconds = max(0, int((now - created).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if count := seconds // size:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
