"""How many desktops a pool should have: its size, or what its schedule says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from blendersessions.model.warm_pool import PoolSchedule, WarmPool

LONGEST_SLEEP: Final = timedelta(days=1)
"""The schedule is looked at again after this time at the latest."""

_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


def wanted_size(pool: WarmPool, now: datetime) -> int:
    """Return how many desktops should wait now. An entry of the schedule that cannot be read counts as left out."""
    times = [(at, entry.size) for entry in pool.schedule if (at := _nearest(entry, now, reverse=True)) is not None]
    # Of entries with one time the last one counts.
    size = max(reversed(times), key=lambda each: each[0])[1] if times else pool.size
    return min(size, pool.max_size)


def time_to_next_size(pool: WarmPool, now: datetime) -> timedelta | None:
    """Return the time until the schedule may change the size; None without a schedule."""
    times = [at for entry in pool.schedule if (at := _nearest(entry, now, reverse=False)) is not None]
    return min(min(times) - now, LONGEST_SLEEP) if times else None


def schedule_faults(pool: WarmPool) -> list[str]:
    """Return what is wrong with the schedule, in sentences; empty if nothing is."""
    return [fault for entry in pool.schedule if (fault := _fault(entry))]


def _fault(entry: PoolSchedule) -> str:
    try:
        ZoneInfo(entry.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"warmPool.schedule: there is no time zone {entry.time_zone}; write one such as Europe/Berlin."
    try:
        CronSim(entry.cron, _ANY_TIME)
    except CronSimError as error:
        return f"warmPool.schedule: {entry.cron!r} is no time of cron ({error}); write one such as '30 7 * * 1-5'."
    return ""


def _nearest(entry: PoolSchedule, now: datetime, *, reverse: bool) -> datetime | None:
    """Return the last time of an entry until now, or the next one after now; None if there is none, or it is wrong."""
    try:
        local = now.astimezone(ZoneInfo(entry.time_zone))
        # A time that is now has come. The search itself leaves out where it begins.
        start = local.replace(second=0, microsecond=0) + timedelta(minutes=1) if reverse else local
        times = (at.astimezone(UTC) for at in CronSim(entry.cron, start, reverse=reverse))
        # In the hour that comes twice, the next time by the clock on the wall may be over, and the last one to come.
        return next(at for at in times if (at <= now) is reverse)
    except (ZoneInfoNotFoundError, CronSimError, StopIteration, ValueError, OSError, OverflowError):
        return None
