"""How far a session has come and why it waits, in words for people. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.status import EXACT_POSITIONS, SaveResult
from blendersessions_portal import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from blendersessions.model.conditions import Condition
    from blendersessions_portal.session_view import SessionView
    from blendersessions_portal.start_times import StartPace
    from blendersessions_portal.wording import Words

_DELAY_SHOWN_AFTER = timedelta(seconds=10)
_NO_STATUS_AFTER = timedelta(seconds=15)
_SLOW_AFTER = timedelta(seconds=45)
_SLOW_FACTOR = 1.5
"""A start that takes this multiple of the usual time is slow, but none is before `_SLOW_AFTER`."""


class State(StrEnum):
    """The state of a session or of one of its steps."""

    WAITING = "waiting"
    WORKING = "working"
    QUEUED = "queued"
    AWAITING = "awaiting"
    """Blender runs, and the person's own file is still to come."""
    READY = "ready"
    FAILED = "failed"
    SUSPENDING = "suspending"
    SUSPENDED = "suspended"
    ENDING = "ending"


@dataclass(frozen=True)
class Step:
    """One condition that must be true before Blender can be opened."""

    title: str
    state: State
    message: str
    details: str = ""
    """The same in the words of the operator and the agent, for an administrator; mostly empty."""


@dataclass(frozen=True)
class Progress:
    """The state of a session in words: a headline, what it means, and the steps."""

    state: State
    headline: str
    detail: str
    steps: tuple[Step, ...] = ()


def describe(session: SessionView, now: datetime, pace: StartPace | None = None) -> Progress:
    """Return how far the session has come by now; with the pace of its start, what is slow is measured by it."""
    if (unnoticed := _unnoticed(session, now)) is not None:
        return unnoticed
    if session.ending:
        return Progress(State.ENDING, wording.ENDING.headline, _why_deletion_waits(session) or wording.ENDING.way_out)
    if session.failed:
        words = wording.FAILURES.get(_failure(session), wording.UNKNOWN_FAILURE)
        return Progress(State.FAILED, words.headline, words.way_out, _steps(session))
    if session.suspended:
        suspension = session.status.suspension
        reason = suspension.reason if suspension is not None else None
        headline = wording.SUSPENDED.get(reason or Reason.REQUESTED, wording.SUSPENDED[Reason.REQUESTED])
        after = wording.HELD if session.held else wording.AFTER_RESUME
        return Progress(State.SUSPENDED, headline, _failed_save(session) + after[session.files])
    if session.suspending:
        words = wording.SUSPENDING[session.files]
        if why := session.why_not_suspended:
            return Progress(State.SUSPENDING, wording.NOT_SUSPENDED, why)
        return Progress(State.SUSPENDING, words.headline, words.way_out)
    if session.ready:
        return Progress(State.READY, wording.READY.headline, wording.READY.way_out, _steps(session))
    if session.awaits_upload:
        return Progress(State.AWAITING, wording.AWAITING.headline, wording.AWAITING.way_out, _steps(session))
    if is_queued(session):
        queue = session.status.queue
        place = _place(queue.position) if queue is not None and queue.position else ""
        return Progress(State.QUEUED, wording.QUEUE.headline, wording.QUEUE.way_out + place, _steps(session))
    # A resumed session waits since its last change, not since it was made.
    slow_after = max(_SLOW_AFTER, timedelta(seconds=_SLOW_FACTOR * pace.usual)) if pace else _SLOW_AFTER
    words = _waiting_words(session, now - (session.changed or session.created), slow_after)
    return Progress(State.WORKING, words.headline, words.way_out, _steps(session))


def _unnoticed(session: SessionView, now: datetime) -> Progress | None:
    """Return that the operator does not notice what was asked of a session; None if it does, or may yet."""
    since = session.unnoticed_since
    if since is None or now - since <= _NO_STATUS_AFTER or session.ready:
        return None
    state = State.SUSPENDING if session.suspend_requested else State.WORKING
    return Progress(State.ENDING if session.ending else state, wording.UNNOTICED.headline, wording.UNNOTICED.way_out)


def _place(position: int) -> str:
    if position > EXACT_POSITIONS:
        return f" You are among the first {position}."
    return f" You are number {position}."


def _waiting_words(session: SessionView, waited: timedelta, slow_after: timedelta) -> Words:
    if not session.status.conditions:
        return wording.NO_STATUS if waited > _NO_STATUS_AFTER else wording.STARTING
    if words := wording.NEEDS_ADMINISTRATOR.get(_reason(session, ConditionType.READY)):
        return words
    if session.status.holds(ConditionType.SUSPENDED):
        return wording.STARTING
    if _reason(session, ConditionType.SCENE_READY) == Reason.SCENE_FETCHING:
        return wording.FETCHING
    if waited > _DELAY_SHOWN_AFTER:
        for kind, _, _ in wording.STEPS:
            if not session.status.holds(kind) and (words := wording.DELAYS.get(_reason(session, kind))):
                return words
    return wording.SLOW if waited > slow_after else wording.STARTING


def _why_deletion_waits(session: SessionView) -> str:
    """Return what a deletion waits for; empty if nothing delays it."""
    delayed = {_reason(session, kind) for kind, _, _ in wording.STEPS} - {"", Reason.TERMINATING}
    if delayed <= wording.OWN_REASONS:
        # The step that is delayed has the reason, and Ready has the message.
        return _harmless_message(session, ConditionType.READY) if delayed else ""
    return wording.DELETION_WAITS.format(reason=", ".join(sorted(delayed)))


def _steps(session: SessionView) -> tuple[Step, ...]:
    broken = _broken_step(session) if session.failed else None
    return tuple(_step(session, kind, title, waiting, broken=kind == broken) for kind, title, waiting in wording.STEPS)


def _step(session: SessionView, kind: ConditionType, title: str, waiting: str, *, broken: bool) -> Step:
    condition = session.status.condition(kind)
    message = _harmless(condition) if condition else ""
    if condition and condition.holds:
        # Its message may quote the cluster about a repair that failed, which does not concern the visitor.
        return Step(title, State.READY, wording.DONE)
    if broken:
        failure = _harmless_message(session, ConditionType.STALLED, ConditionType.READY, kind)
        words = wording.SCENE_FAILURES.get(_failure(session), wording.STOPPED_HERE)
        return Step(title, State.FAILED, words, failure or wording.NO_REASON)
    if session.failed:
        return Step(title, State.WAITING, wording.NOT_DONE, message)
    if condition and condition.reason == Reason.AWAITING_UPLOAD and session.awaits_upload:
        # The operator's message names ways for people who use kubectl too.
        return Step(title, State.AWAITING, wording.YOUR_FILE)
    if condition:
        return Step(title, State.WORKING, message or waiting)
    return Step(title, State.WAITING, waiting)


def _broken_step(session: SessionView) -> ConditionType | None:
    """Return the last unfinished step with the failure's reason; else the first unfinished one."""
    unfinished = [kind for kind, _, _ in wording.STEPS if not session.status.holds(kind)]
    reason = _failure(session)
    same = [kind for kind in reversed(unfinished) if reason and _reason(session, kind) == reason]
    return next(iter(same or unfinished), None)


def _failure(session: SessionView) -> str:
    """Return the reason why the session will not become ready by itself."""
    return _reason(session, ConditionType.STALLED, ConditionType.READY)


def _failed_save(session: SessionView) -> str:
    """Return that the last save before the suspension failed, and why; empty if it did not."""
    save = session.status.suspension.save if session.status.suspension is not None else None
    return wording.NOT_SAVED.format(why=save.message) if save is not None and save.result is SaveResult.FAILED else ""


def is_queued(session: SessionView) -> bool:
    """Return whether a session waits in the line of its class."""
    return _reason(session, ConditionType.READY) == Reason.QUEUED


def _reason(session: SessionView, *kinds: ConditionType) -> str:
    return next((condition.reason for condition in _conditions(session, kinds)), "")


def _harmless_message(session: SessionView, *kinds: ConditionType) -> str:
    return next((_harmless(condition) for condition in _conditions(session, kinds) if condition.message), "")


def _harmless(condition: Condition) -> str:
    """Return the message of a condition if it is the operator's own, else its reason.

    The words of the cluster and of Guacamole name nodes, images, addresses and limits, and anybody may read the page.
    """
    if condition.message and condition.reason not in wording.OWN_REASONS:
        return wording.REASON_ALONE.format(reason=condition.reason)
    return condition.message


def _conditions(session: SessionView, kinds: Iterable[ConditionType]) -> Iterator[Condition]:
    """Return the conditions of these types, in this order, without those that are missing."""
    return filter(None, map(session.status.condition, kinds))
