"""When a session ends, and what keeps it alive: right in both directions.

A forgotten tab must not keep a desktop for days: an open tunnel counts from when it was opened, not for ever. A long
render with the tab closed must not be killed: while one runs, the session is not idle. The desktop alone knows of input
and renders, so nothing ends for idleness before it was asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from blendersessions.model.conditions import Reason
from blendersessions.model.status import KeepAliveReason

ASK_EVERY: Final = timedelta(seconds=20)
"""A desktop that looks idle is asked at most so often, and once more when its time is over."""
WATCH_EVERY: Final = timedelta(seconds=3)
"""During the warning it is asked so often, that a movement of the mouse takes the end back at once."""
WARNING: Final = timedelta(minutes=5)
SILENT_TIMES: Final = 3
"""A desktop that cannot be asked ends for idleness after so many times `idle_after`: it is broken."""


@dataclass(frozen=True)
class Activity:
    """What is known of what happens in a session."""

    started_at: datetime | None = None
    """Beginning of the present run; a resume begins another one."""
    ready_at: datetime | None = None
    last_input_at: datetime | None = None
    rendering: bool = False
    last_render_at: datetime | None = None
    """When a render was last seen to run."""
    opened_at: tuple[datetime, ...] = ()
    """When each of the running tunnels was opened."""
    asked_at: datetime | None = None
    """When the desktop last answered."""


class Action(StrEnum):
    """What is done about a session's lifetime."""

    KEEP = "Keep"
    """Nothing."""
    ASK = "Ask"
    """Ask the desktop whether somebody works in it: more cannot be decided before."""
    WARN = "Warn"
    """Warn the person in the desktop of the end."""
    EXPIRE = "Expire"
    """End the session."""


@dataclass(frozen=True)
class LifetimeDecision:
    """How long the session lives."""

    kept_alive_by: KeepAliveReason
    last_active_at: datetime | None = None
    expires_at: datetime | None = None
    reason: Reason | None = None
    action: Action = Action.KEEP
    if_silent: Action = Action.KEEP
    """What is done instead of `ASK` when the desktop cannot be asked; equal to `action` otherwise.

    After a long absence of the operator every desktop has been silent, also those in which somebody works. So a desktop
    that would end for its silence is asked once more.
    """
    requeue_after: timedelta | None = None
    """When to decide again, if nothing happens before."""

    @property
    def ask(self) -> bool:
        """Whether the desktop must be asked before more can be decided."""
        return self.action is Action.ASK

    @property
    def warn(self) -> bool:
        """Whether the person should know by now that the session ends."""
        return Action.WARN in (self.action, self.if_silent)

    @property
    def expired(self) -> bool:
        """Whether the session ends now; with `ask`, only if the desktop does not answer."""
        return Action.EXPIRE in (self.action, self.if_silent)


def evaluate_lifetime(
    max_age: timedelta | None, idle_after: timedelta | None, activity: Activity, now: datetime
) -> LifetimeDecision:
    """Decide at the moment `now`: the evidence gives the deadlines, and the first deadline gives the action.

    A clock that was set back makes evidence come from the future; it counts as of now, so nothing ends too early.
    Input, a render or a readiness from the future has the desktop asked at once, which mends it: it says how long
    nobody has worked, whatever the clock does. A start or a tunnel from the future cannot be mended: on account of
    these a session may live on for as long as the clock was set back, and no longer.
    """
    evidence = _evidence(activity, idle_after, now)
    idle = _deadline(evidence.last_active_at, idle_after, Reason.IDLE)
    age = _deadline(evidence.started_at, max_age, Reason.MAX_AGE)
    candidates = (age, None if evidence.rendering else idle)
    first = min((each for each in candidates if each is not None), default=None)
    if first is None:
        decision = _without_deadline(evidence, idle_after)
    elif now < first.at:
        decision = _before_deadline(first, idle, evidence)
    else:
        decision = _after_deadline(first, age, evidence)
    if idle is not None and idle.at <= now:
        return replace(decision, kept_alive_by=KeepAliveReason.NOTHING)
    return decision


@dataclass(frozen=True)
class _Evidence:
    """What is known at the moment `now`; none of its times is later than that."""

    now: datetime
    started_at: datetime | None
    last_active_at: datetime | None
    kept_alive_by: KeepAliveReason
    asked_at: datetime | None
    rendering: bool
    was_ahead: bool
    """Whether something came from the future that counts for idleness, and that the desktop's answer can mend."""

    def is_stale(self, limit: timedelta) -> bool:
        """Return whether the desktop's last answer is older than this."""
        return self.asked_at is None or self.now - self.asked_at >= limit


@dataclass(frozen=True, order=True)
class _Deadline:
    """A moment at which the session ends if nothing changes; of two at the same moment, idleness is the first."""

    at: datetime
    reason: Reason
    span: timedelta
    """How long the session may last, or be idle."""

    @property
    def warn_at(self) -> datetime:
        """When the warning begins; for idleness the desktop is watched from then on."""
        return self.at - min(WARNING, self.span / 4)


def _evidence(activity: Activity, idle_after: timedelta | None, now: datetime) -> _Evidence:
    """Sum up what is known; only here are times looked at that come from the future."""
    rendering = _is_rendering(activity, idle_after, now)
    kept, active = (KeepAliveReason.RENDER, now) if rendering else _last_activity(activity, now)
    mendable = (activity.last_input_at, activity.last_render_at, activity.ready_at)
    return _Evidence(
        now=now,
        started_at=min(activity.started_at, now) if activity.started_at is not None else None,
        last_active_at=min(active, now) if active is not None else None,
        kept_alive_by=kept,
        # An answer from the future was given before the clock was set back, nobody knows how long ago.
        asked_at=activity.asked_at if activity.asked_at is not None and activity.asked_at <= now else None,
        rendering=rendering,
        was_ahead=idle_after is not None and any(moment is not None and moment > now for moment in mendable),
    )


def _last_activity(activity: Activity, now: datetime) -> tuple[KeepAliveReason, datetime | None]:
    """Return the last sign of life, and when it was seen; nothing before the session is ready."""
    if activity.ready_at is None:
        return KeepAliveReason.STARTING, None
    known = [(activity.ready_at, KeepAliveReason.STARTING)]
    known += [(activity.last_render_at, KeepAliveReason.RENDER)] if activity.last_render_at else []
    if activity.last_input_at is not None and activity.last_input_at <= now:
        # What is ahead is from before the clock was set back, and the desktop has been asked by the new time.
        known = [entry for entry in known if entry[0] <= now]
    known += [(opened, KeepAliveReason.TUNNEL) for opened in activity.opened_at]
    known += [(activity.last_input_at, KeepAliveReason.INPUT)] if activity.last_input_at else []
    moment, kept = max(known, key=lambda entry: entry[0])
    return kept, moment


def _is_rendering(activity: Activity, idle_after: timedelta | None, now: datetime) -> bool:
    """Return whether a render runs; the last answer of a desktop that fell silent does not hold for ever."""
    if activity.ready_at is None or not activity.rendering:
        return False
    return not _is_silent(activity.last_render_at or activity.asked_at, idle_after, now)


def _is_silent(since: datetime | None, idle_after: timedelta | None, now: datetime) -> bool:
    """Return whether nothing was heard for so long that the desktop must be broken."""
    return since is not None and idle_after is not None and now - since >= SILENT_TIMES * idle_after


def _deadline(since: datetime | None, span: timedelta | None, reason: Reason) -> _Deadline | None:
    """Return the end of a span; None when there is no limit, or nothing that it counts from."""
    return _Deadline(since + span, reason, span) if since is not None and span is not None else None


def _without_deadline(evidence: _Evidence, idle_after: timedelta | None) -> LifetimeDecision:
    """Decide while nothing is in sight that ends the session; the end of a render brings a deadline."""
    decision = LifetimeDecision(evidence.kept_alive_by, evidence.last_active_at)
    if not evidence.rendering or idle_after is None:
        return decision
    action = Action.ASK if evidence.is_stale(ASK_EVERY) else Action.KEEP
    return replace(decision, action=action, requeue_after=ASK_EVERY)


def _before_deadline(first: _Deadline, idle: _Deadline | None, evidence: _Evidence) -> LifetimeDecision:
    """Decide before the first deadline: whether to warn of it, and whether the desktop is watched by now."""
    now = evidence.now
    warns = now >= first.warn_at
    interval = WATCH_EVERY if warns else ASK_EVERY
    looks_idle = evidence.was_ahead or (idle is not None and now >= idle.warn_at)
    watched = looks_idle or evidence.rendering
    waits = [interval] if watched else []
    waits += [moment - now for moment in (first.warn_at, first.at) if moment > now]
    if idle is not None and not looks_idle:
        waits.append(max(WATCH_EVERY, idle.warn_at - now))
    otherwise = Action.WARN if warns else Action.KEEP
    return _decide(
        first,
        evidence,
        Action.ASK if watched and evidence.is_stale(interval) else otherwise,
        otherwise,
        requeue_after=min(waits),
    )


def _after_deadline(first: _Deadline, age: _Deadline | None, evidence: _Evidence) -> LifetimeDecision:
    """Decide when a deadline is over. Idleness ends nothing before the desktop itself was asked; age always does."""
    if first.reason is Reason.MAX_AGE:
        return _decide(first, evidence, Action.EXPIRE)
    if evidence.asked_at is not None and evidence.asked_at >= first.at:
        return _decide(first, evidence, Action.ASK if evidence.is_stale(WATCH_EVERY) else Action.EXPIRE, Action.EXPIRE)
    if age is not None and evidence.now >= age.at:
        return _decide(age, evidence, Action.EXPIRE)
    if _is_silent(evidence.last_active_at, first.span, evidence.now):
        return _decide(first, evidence, Action.ASK, Action.EXPIRE)
    return _decide(first, evidence, Action.ASK, Action.WARN, requeue_after=WATCH_EVERY)


def _decide(
    deadline: _Deadline,
    evidence: _Evidence,
    action: Action,
    if_silent: Action | None = None,
    requeue_after: timedelta | None = None,
) -> LifetimeDecision:
    return LifetimeDecision(
        evidence.kept_alive_by,
        evidence.last_active_at,
        deadline.at,
        deadline.reason,
        action,
        if_silent or action,
        requeue_after,
    )
