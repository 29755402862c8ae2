"""How far a session has come and why it waits, in words for people. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from blendersessions.model.conditions import CONNECTION_READY, READY, STALLED, TERMINATING
from blendersessions_portal import wording
from blendersessions_portal.session import SUSPENDED

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions_portal.session import Session
    from blendersessions_portal.wording import Words

_TROUBLE_AFTER = timedelta(seconds=10)
_UNNOTICED_AFTER = timedelta(seconds=15)
_SLOW_AFTER = timedelta(seconds=45)


class State(StrEnum):
    """Where a session or one of its steps stands."""

    WAITING = "waiting"
    WORKING = "working"
    QUEUED = "queued"
    READY = "ready"
    FAILED = "failed"
    SUSPENDING = "suspending"
    SUSPENDED = "suspended"
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
    steps: tuple[Step, ...] = ()


def describe(session: Session, now: datetime) -> Progress:
    """Say how far the session has come."""
    if session.ending:
        return Progress(State.ENDING, wording.ENDING.headline, _why_it_stays(session) or wording.ENDING.way_out)
    if session.failed:
        words = wording.FAILURES.get(_reason(session, STALLED, READY), wording.UNKNOWN_FAILURE)
        return Progress(State.FAILED, words.headline, words.way_out, _steps(session))
    if session.suspended:
        headline = wording.SUSPENDED.get(session.suspended_for, wording.SUSPENDED["Requested"])
        return Progress(State.SUSPENDED, headline, wording.RESUMED[session.files])
    if session.suspending:
        return Progress(State.SUSPENDING, wording.SUSPENDING.headline, wording.SUSPENDING.way_out)
    if session.ready:
        return Progress(State.READY, wording.READY.headline, wording.READY.way_out, _steps(session))
    if _reason(session, READY) == wording.QUEUED:
        place = f" You are number {session.queue_position}." if session.queue_position else ""
        return Progress(State.QUEUED, wording.QUEUE.headline, wording.QUEUE.way_out + place, _steps(session))
    # What was resumed is older than its wait.
    words = _patience(session, now - (session.changed or session.created))
    return Progress(State.WORKING, words.headline, words.way_out, _steps(session))


def _patience(session: Session, waited: timedelta) -> Words:
    if not session.conditions:
        return wording.UNNOTICED if waited > _UNNOTICED_AFTER else wording.STARTING
    if words := wording.DEMANDS.get(_reason(session, READY)):
        return words
    if session.holds(SUSPENDED):
        return wording.STARTING
    if waited > _TROUBLE_AFTER:
        for kind, _, _ in wording.STEPS:
            if not session.holds(kind) and (words := wording.TROUBLES.get(_reason(session, kind))):
                return words
    return wording.SLOW if waited > _SLOW_AFTER else wording.STARTING


def _why_it_stays(session: Session) -> str:
    """Give the operator's word on what holds a deletion up, empty if nothing does."""
    # Then Ready carries the whole story, and ConnectionReady the reason.
    return "" if _reason(session, CONNECTION_READY) in {"", TERMINATING} else _message(session, READY)


def _steps(session: Session) -> tuple[Step, ...]:
    broken = _broken_step(session) if session.failed else ""
    return tuple(_step(session, kind, title, waiting, broken=kind == broken) for kind, title, waiting in wording.STEPS)


def _step(session: Session, kind: str, title: str, waiting: str, *, broken: bool) -> Step:
    condition = session.conditions.get(kind)
    message = condition.message if condition else ""
    if condition and condition.holds:
        return Step(title, State.READY, message or "Done.")
    if broken:
        return Step(title, State.FAILED, _message(session, STALLED, READY, kind) or "The operator gave no reason.")
    if condition and not session.failed:
        return Step(title, State.WORKING, message or waiting)
    return Step(title, State.WAITING, message or waiting)


def _broken_step(session: Session) -> str:
    """Find the step that has the failure's reason; else the first that is not done."""
    unfinished = [kind for kind, _, _ in wording.STEPS if not session.holds(kind)]
    reason = _reason(session, STALLED, READY)
    same = [kind for kind in reversed(unfinished) if reason and _reason(session, kind) == reason]
    return (same or unfinished or [""])[0]


def _reason(session: Session, *kinds: str) -> str:
    return next((session.conditions[kind].reason for kind in kinds if kind in session.conditions), "")


def _message(session: Session, *kinds: str) -> str:
    found = (session.conditions[kind].message for kind in kinds if kind in session.conditions)
    return next(filter(None, found), "")
