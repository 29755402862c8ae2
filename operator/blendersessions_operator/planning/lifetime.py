"""Decide when a session expires, and what keeps it alive.

A forgotten tab must not keep a desktop for days, so a tunnel counts as activity only when it is opened. A long render
with the tab closed must not be stopped, so a session is not idle while Blender works. Only the desktop knows about
input and work, so no session expires for idleness before its desktop was asked. While a scene is awaited no
session is idle. Once it has failed, the idle time runs: a session that its user has left must not keep a place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from blendersessions.model.conditions import Reason
from blendersessions.model.status import KeepAliveReason

ASK_INTERVAL: Final = timedelta(seconds=20)
"""Time between two questions to a desktop that looks idle. It is asked once more at its deadline."""
WATCH_INTERVAL: Final = timedelta(seconds=3)
"""Time between two questions during the warning, so that input takes the expiry back at once."""
WARNING_TIME: Final = timedelta(minutes=5)
"""Longest time between the warning and the expiry; a quarter of the whole time if that is shorter."""
SILENCE_FACTOR: Final = 3
"""A desktop that does not answer for this multiple of `idle_after` is broken, and expires for idleness."""


@dataclass(frozen=True)
class Activity:
    """The known activity in a session."""

    started_at: datetime | None = None
    """Beginning of the current run; a resume begins another one."""
    ready_at: datetime | None = None
    failed_at: datetime | None = None
    """Since when the scene of a run that was never ready cannot come, until somebody acts."""
    last_input_at: datetime | None = None
    work: KeepAliveReason | None = None
    """What Blender works at: `RENDER`, `BAKE`, `SIMULATION` or `OPERATION`; None if it does not."""
    last_work: KeepAliveReason = KeepAliveReason.OPERATION
    """What it last worked at. Without a `last_work_at` it says nothing."""
    last_work_at: datetime | None = None
    """When Blender was last seen to work."""
    opened_at: tuple[datetime, ...] = ()
    """The opening times of the running tunnels."""
    asked_at: datetime | None = None
    """When the desktop last answered."""

    @property
    def begun_at(self) -> datetime | None:
        """Since when the session can be idle; None while it starts."""
        return self.ready_at or self.failed_at


class Action(StrEnum):
    """The next action for a session's lifetime."""

    KEEP = "Keep"
    """Nothing."""
    ASK = "Ask"
    """Ask the desktop whether somebody works in it. The decision depends on the answer."""
    WARN = "Warn"
    """Show a warning in the desktop."""
    EXPIRE = "Expire"
    """End the session."""


@dataclass(frozen=True)
class LifetimeDecision:
    """What keeps the session alive, when it expires, and what to do now."""

    kept_alive_by: KeepAliveReason
    last_active_at: datetime | None = None
    expires_at: datetime | None = None
    reason: Reason | None = None
    action: Action = Action.KEEP
    if_silent: Action = Action.KEEP
    """The action if `action` is `ASK` and the desktop cannot be asked; equal to `action` otherwise.

    After a long absence of the operator no desktop has answered for long, even if somebody works in it. So a desktop
    that would expire for its silence is asked once more.
    """
    requeue_after: timedelta | None = None
    """Time until the next decision, if nothing happens before."""

    @property
    def ask(self) -> bool:
        """Whether the desktop must be asked before more can be decided."""
        return self.action is Action.ASK

    @property
    def warn(self) -> bool:
        """Whether the user must have been warned by now that the session expires."""
        return Action.WARN in (self.action, self.if_silent)

    @property
    def expired(self) -> bool:
        """Whether the session expires now; with `ask`, only if the desktop does not answer."""
        return Action.EXPIRE in (self.action, self.if_silent)


def evaluate_lifetime(
    max_age: timedelta | None, idle_after: timedelta | None, activity: Activity, now: datetime
) -> LifetimeDecision:
    """Decide about a session's lifetime: the evidence gives the deadlines, and the first deadline gives the action.

    After the clock was set back, some times in the activity are in the future. They count as `now`, so nothing expires
    too early. If the time of an input, of work or of the readiness is in the future, the desktop is asked at once. Its
    answer corrects that, because it is a duration and not a time. The times of a start and of a tunnel cannot be
    corrected. Because of them a session may live longer, by at most the time by which the clock was set back.

    Args:
        max_age: the longest run; None: no limit.
        idle_after: the longest time without activity; None: no limit.
        activity: the known activity.
        now: the current time.
    """
    evidence = _evidence(activity, idle_after, now)
    idle = _deadline(evidence.last_active_at, idle_after, Reason.IDLE)
    age = _deadline(evidence.started_at, max_age, Reason.MAX_AGE)
    candidates = (age, None if evidence.working else idle)
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
    """The activity at the time `now`; none of its times is later."""

    now: datetime
    started_at: datetime | None
    last_active_at: datetime | None
    kept_alive_by: KeepAliveReason
    asked_at: datetime | None
    working: bool
    was_ahead: bool
    """Whether a time in the future counted for idleness, which the desktop's answer corrects."""

    def is_stale(self, limit: timedelta) -> bool:
        """Return whether the desktop's last answer is older than the limit."""
        return self.asked_at is None or self.now - self.asked_at >= limit


@dataclass(frozen=True, order=True)
class _Deadline:
    """A time at which the session expires if nothing changes. Of two at the same time, idleness is the first."""

    at: datetime
    reason: Reason
    span: timedelta
    """How long the session may run, or be idle."""

    @property
    def warn_at(self) -> datetime:
        """When the warning begins. For idleness the desktop is asked often from then on."""
        return self.at - min(WARNING_TIME, self.span / 4)


def _evidence(activity: Activity, idle_after: timedelta | None, now: datetime) -> _Evidence:
    """Sum up the activity. Times in the future are handled here and nowhere else."""
    work = _work(activity, idle_after, now)
    kept_alive_by, last_active = (work, now) if work is not None else _last_activity(activity, now)
    correctable = (activity.last_input_at, activity.last_work_at, activity.begun_at)
    return _Evidence(
        now=now,
        started_at=min(activity.started_at, now) if activity.started_at is not None else None,
        last_active_at=min(last_active, now) if last_active is not None else None,
        kept_alive_by=kept_alive_by,
        # An answer in the future was given before the clock was set back, an unknown time ago.
        asked_at=activity.asked_at if activity.asked_at is not None and activity.asked_at <= now else None,
        working=work is not None,
        was_ahead=idle_after is not None and any(moment is not None and moment > now for moment in correctable),
    )


def _last_activity(activity: Activity, now: datetime) -> tuple[KeepAliveReason, datetime | None]:
    """Return the last activity and its time; no time while the session starts."""
    if activity.begun_at is None:
        return KeepAliveReason.STARTING, None
    known = [(activity.begun_at, KeepAliveReason.STARTING if activity.ready_at else KeepAliveReason.NOTHING)]
    known += [(activity.last_work_at, activity.last_work)] if activity.last_work_at else []
    if activity.last_input_at is not None and activity.last_input_at <= now:
        # Times in the future are from before the clock was set back, and the desktop has answered since.
        known = [entry for entry in known if entry[0] <= now]
    known += [(opened, KeepAliveReason.TUNNEL) for opened in activity.opened_at]
    known += [(activity.last_input_at, KeepAliveReason.INPUT)] if activity.last_input_at else []
    moment, kept_alive_by = max(known, key=lambda entry: entry[0])
    return kept_alive_by, moment


def _work(activity: Activity, idle_after: timedelta | None, now: datetime) -> KeepAliveReason | None:
    """Return what Blender works at. The last answer of a desktop that does not answer any more expires."""
    if activity.begun_at is None or _is_silent(activity.last_work_at or activity.asked_at, idle_after, now):
        return None
    return activity.work


def _is_silent(since: datetime | None, idle_after: timedelta | None, now: datetime) -> bool:
    """Return whether the last sign of activity is so old that the desktop must be broken."""
    return since is not None and idle_after is not None and now - since >= SILENCE_FACTOR * idle_after


def _deadline(since: datetime | None, span: timedelta | None, reason: Reason) -> _Deadline | None:
    """Return the end of a span; None without a limit or a beginning."""
    return _Deadline(since + span, reason, span) if since is not None and span is not None else None


def _without_deadline(evidence: _Evidence, idle_after: timedelta | None) -> LifetimeDecision:
    """Decide without a deadline. While Blender works the desktop is asked, because its end brings a deadline."""
    decision = LifetimeDecision(evidence.kept_alive_by, evidence.last_active_at)
    if not evidence.working or idle_after is None:
        return decision
    action = Action.ASK if evidence.is_stale(ASK_INTERVAL) else Action.KEEP
    return replace(decision, action=action, requeue_after=ASK_INTERVAL)


def _before_deadline(first: _Deadline, idle: _Deadline | None, evidence: _Evidence) -> LifetimeDecision:
    """Decide before the first deadline whether to warn of it, and whether to ask the desktop."""
    now = evidence.now
    warns = now >= first.warn_at
    interval = WATCH_INTERVAL if warns else ASK_INTERVAL
    looks_idle = evidence.was_ahead or (idle is not None and now >= idle.warn_at)
    watched = looks_idle or evidence.working
    waits = [interval] if watched else []
    waits += [moment - now for moment in (first.warn_at, first.at) if moment > now]
    if idle is not None and not looks_idle:
        waits.append(max(WATCH_INTERVAL, idle.warn_at - now))
    otherwise = Action.WARN if warns else Action.KEEP
    return _decide(
        first,
        evidence,
        Action.ASK if watched and evidence.is_stale(interval) else otherwise,
        otherwise,
        requeue_after=min(waits),
    )


def _after_deadline(first: _Deadline, age: _Deadline | None, evidence: _Evidence) -> LifetimeDecision:
    """Decide after a deadline. Age expires a session at once; idleness only after the desktop was asked."""
    if first.reason is Reason.MAX_AGE:
        return _decide(first, evidence, Action.EXPIRE)
    if evidence.asked_at is not None and evidence.asked_at >= first.at:
        return _decide(
            first, evidence, Action.ASK if evidence.is_stale(WATCH_INTERVAL) else Action.EXPIRE, Action.EXPIRE
        )
    if age is not None and evidence.now >= age.at:
        return _decide(age, evidence, Action.EXPIRE)
    if _is_silent(evidence.last_active_at, first.span, evidence.now):
        return _decide(first, evidence, Action.ASK, Action.EXPIRE)
    return _decide(first, evidence, Action.ASK, Action.WARN, requeue_after=WATCH_INTERVAL)


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
