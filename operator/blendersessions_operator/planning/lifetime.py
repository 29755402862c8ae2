"""When a session ends, and what keeps it alive: right in both directions.

A forgotten tab must not keep a desktop for days: an open tunnel counts from when it was opened, not for ever. A long
render with the tab closed must not be killed: while one runs, the session is not idle. The desktop alone knows of input
and renders, so nothing ends for idleness before it was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from blendersessions.model.conditions import Reason as ExpiryReason
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


@dataclass(frozen=True)
class LifetimeDecision:
    """How long the session lives."""

    kept_alive_by: KeepAliveReason
    last_active_at: datetime | None = None
    expires_at: datetime | None = None
    reason: ExpiryReason | None = None
    expired: bool = False
    warn: bool = False
    """Whether the person should be told now that it ends."""
    ask: bool = False
    """Whether the desktop must be asked before more can be said.

    With `expired`: its last word is old or missing, and the caller may ask once more before the end. After a long
    absence of the operator everybody has been silent, also those who work.
    """
    requeue_after: timedelta | None = None
    """When to decide again, if nothing happens before."""


def evaluate_lifetime(
    max_age: timedelta | None, idle_after: timedelta | None, activity: Activity, now: datetime
) -> LifetimeDecision:
    """Judge from what is known at the moment `now`.

    A clock that was set back makes evidence come from the future; it counts as of now, so nothing ends too early.
    Input, a render or a readiness from the future has the desktop asked at once, which mends it: it says how long
    nobody has worked, whatever the clock does. A start or a tunnel from the future cannot be mended: on account of
    these a session may live on for as long as the clock was set back, and no longer.
    """
    rendering = _renders(activity, idle_after, now)
    kept, active = (KeepAliveReason.RENDER, now) if rendering else _evidence(activity, now)
    ends: list[tuple[datetime, ExpiryReason]] = []
    if max_age is not None and activity.started_at is not None:
        ends.append((min(activity.started_at, now) + max_age, ExpiryReason.MAX_AGE))
    if idle_after is not None and active is not None and not rendering:
        ends.append((active + idle_after, ExpiryReason.IDLE))
    if idle_after is not None and active is not None and now - active >= idle_after:
        kept = KeepAliveReason.NOTHING
    if not ends:
        asks = rendering and idle_after is not None
        return LifetimeDecision(
            kept, active, ask=asks and _is_stale(activity, now), requeue_after=ASK_EVERY if asks else None
        )
    expires_at, reason = min(ends)
    span = idle_after if reason is ExpiryReason.IDLE else max_age
    warning = min(WARNING, (span or WARNING) / 4)
    warn = now >= expires_at - warning
    limit = WATCH_EVERY if warn else ASK_EVERY
    near = idle_after is not None and active is not None and now >= active + idle_after - min(WARNING, idle_after / 4)
    near = near or (idle_after is not None and _is_ahead(activity, now))
    stale = _is_stale(activity, now, limit)
    ask = (near or rendering) and stale
    expired = now >= expires_at
    if expired and reason is ExpiryReason.IDLE and not _said_since(activity, expires_at, now):
        aged = max(ends, key=lambda end: end[1] is ExpiryReason.MAX_AGE)
        if aged[1] is ExpiryReason.MAX_AGE and now >= aged[0]:
            # The age needs nobody's word.
            return LifetimeDecision(kept, active, *aged, expired=True)
        # Not without its own word at the end, unless it has had none to say for very long.
        expired, ask = _is_silent(active, idle_after, now), True
    if expired:
        return LifetimeDecision(kept, active, expires_at, reason, expired=True, ask=ask and reason is ExpiryReason.IDLE)
    waits = [limit] if near or rendering else []
    waits += [moment - now for moment in (expires_at - warning, expires_at) if moment > now]
    if idle_after is not None and active is not None and not near:
        waits.append(max(WATCH_EVERY, active + idle_after - min(WARNING, idle_after / 4) - now))
    return LifetimeDecision(
        kept, active, expires_at, reason, warn=warn, ask=ask, requeue_after=min(waits, default=ASK_EVERY)
    )


def _evidence(activity: Activity, now: datetime) -> tuple[KeepAliveReason, datetime | None]:
    """Return what was last seen of life, and when; nothing before the session is ready."""
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
    return kept, min(moment, now)


def _is_ahead(activity: Activity, now: datetime) -> bool:
    """Whether something that the desktop's word can mend comes from the future."""
    moments = (activity.last_input_at, activity.last_render_at, activity.ready_at)
    return any(moment is not None and moment > now for moment in moments)


def _renders(activity: Activity, idle_after: timedelta | None, now: datetime) -> bool:
    """Whether a render runs, as far as is known: the word of a desktop that fell silent does not hold for ever."""
    if activity.ready_at is None or not activity.rendering:
        return False
    return not _is_silent(activity.last_render_at or activity.asked_at, idle_after, now)


def _is_silent(since: datetime | None, idle_after: timedelta | None, now: datetime) -> bool:
    """Whether nothing was heard for so long that there is nobody to hear from."""
    return since is not None and idle_after is not None and now - since >= SILENT_TIMES * idle_after


def _said_since(activity: Activity, moment: datetime, now: datetime) -> bool:
    """Whether the desktop answered at that moment or later."""
    return activity.asked_at is not None and moment <= activity.asked_at <= now


def _is_stale(activity: Activity, now: datetime, limit: timedelta = ASK_EVERY) -> bool:
    return activity.asked_at is None or not timedelta() <= now - activity.asked_at < limit
