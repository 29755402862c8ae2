"""How far a session has come and why it waits, in words for people. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions_portal import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from blendersessions.model.conditions import Condition
    from blendersessions_portal.session_view import SessionView
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


def describe(session: SessionView, now: datetime) -> Progress:
    """Say how far the session has come."""
    if session.ending:
        return Progress(State.ENDING, wording.ENDING.headline, _why_it_stays(session) or wording.ENDING.way_out)
    if session.failed:
        words = wording.FAILURES.get(_failure(session), wording.UNKNOWN_FAILURE)
        return Progress(State.FAILED, words.headline, words.way_out, _steps(session))
    if session.suspended:
        suspension = session.status.suspension
        reason = suspension.reason if suspension is not None else None
        headline = wording.SUSPENDED.get(reason or Reason.REQUESTED, wording.SUSPENDED[Reason.REQUESTED])
        return Progress(State.SUSPENDED, headline, wording.RESUMED[session.files])
    if session.suspending:
        return Progress(State.SUSPENDING, wording.SUSPENDING.headline, wording.SUSPENDING.way_out)
    if session.ready:
        return Progress(State.READY, wording.READY.headline, wording.READY.way_out, _steps(session))
    if _reason(session, ConditionType.READY) == Reason.QUEUED:
        queue = session.status.queue
        place = f" You are number {queue.position}." if queue is not None and queue.position else ""
        return Progress(State.QUEUED, wording.QUEUE.headline, wording.QUEUE.way_out + place, _steps(session))
    # What was resumed is older than its wait.
    words = _patience(session, now - (session.changed or session.created))
    return Progress(State.WORKING, words.headline, words.way_out, _steps(session))


def _patience(session: SessionView, waited: timedelta) -> Words:
    if not session.status.conditions:
        return wording.UNNOTICED if waited > _UNNOTICED_AFTER else wording.STARTING
    if words := wording.DEMANDS.get(_reason(session, ConditionType.READY)):
        return words
    if session.status.holds(ConditionType.SUSPENDED):
        return wording.STARTING
    if waited > _TROUBLE_AFTER:
        for kind, _, _ in wording.STEPS:
            if not session.status.holds(kind) and (words := wording.TROUBLES.get(_reason(session, kind))):
                return words
    return wording.SLOW if waited > _SLOW_AFTER else wording.STARTING


def _why_it_stays(session: SessionView) -> str:
    """Give the operator's word on what holds a deletion up, empty if nothing does."""
    # Then Ready carries the whole story, and ConnectionReady the reason.
    if _reason(session, ConditionType.CONNECTION_READY) in {"", Reason.TERMINATING}:
        return ""
    return _message(session, ConditionType.READY)


def _steps(session: SessionView) -> tuple[Step, ...]:
    broken = _broken_step(session) if session.failed else None
    return tuple(_step(session, kind, title, waiting, broken=kind == broken) for kind, title, waiting in wording.STEPS)


def _step(session: SessionView, kind: ConditionType, title: str, waiting: str, *, broken: bool) -> Step:
    condition = session.status.condition(kind)
    message = condition.message if condition else ""
    if condition and condition.holds:
        return Step(title, State.READY, message or "Done.")
    if broken:
        said = _message(session, ConditionType.STALLED, ConditionType.READY, kind)
        return Step(title, State.FAILED, said or "The operator gave no reason.")
    if condition and not session.failed:
        return Step(title, State.WORKING, message or waiting)
    return Step(title, State.WAITING, message or waiting)


def _broken_step(session: SessionView) -> ConditionType | None:
    """Find the step that has the failure's reason; else the first that is not done."""
    unfinished = [kind for kind, _, _ in wording.STEPS if not session.status.holds(kind)]
    reason = _failure(session)
    same = [kind for kind in reversed(unfinished) if reason and _reason(session, kind) == reason]
    return next(iter(same or unfinished), None)


def _failure(session: SessionView) -> str:
    """Return the reason for which waiting is of no use."""
    return _reason(session, ConditionType.STALLED, ConditionType.READY)


def _reason(session: SessionView, *kinds: ConditionType) -> str:
    return next((condition.reason for condition in _conditions(session, kinds)), "")


def _message(session: SessionView, *kinds: ConditionType) -> str:
    return next((condition.message for condition in _conditions(session, kinds) if condition.message), "")


def _conditions(session: SessionView, kinds: Iterable[ConditionType]) -> Iterator[Condition]:
    """Return the conditions of these types that there are, in this order."""
    return filter(None, map(session.status.condition, kinds))
