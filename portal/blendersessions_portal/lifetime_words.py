"""Who is in a session, how long it lives, what keeps it alive, what is lost at its end, in words for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.files import Files
from blendersessions_portal import wording

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions_portal.session_view import SessionView

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def kept_alive_by(session: SessionView) -> str:
    """Return what keeps a ready session alive; empty if the operator does not report it."""
    return wording.KEPT_ALIVE.get(session.activity.kept_alive_by or "", "") if session.ready else ""


def connected(session: SessionView) -> str:
    """Return in how many browsers a ready session is open; empty if the operator does not report it."""
    users = session.activity.users
    if users is None or not session.ready:
        return ""
    return wording.CONNECTED.get(users, wording.CONNECTED_MORE).format(users=users)


def expiry(session: SessionView, now: datetime) -> str:
    """Return when and why a session will end by itself; empty if it will not."""
    at = session.activity.expires_at
    if at is None or not session.live or session.suspend_requested:
        return ""
    words = wording.EXPIRIES.get(session.activity.expiry_reason or "", wording.EXPIRY)
    return words.format(when=f"{until(at, now)} (at {at:%H:%M} UTC)")


def keeping(session: SessionView) -> str:
    """Return what becomes of the person's work at the end; empty while nothing more can be lost."""
    return "" if session.ending or session.failed or session.suspended else wording.KEEPING[session.files]


def stopping(session: SessionView) -> str:
    """Return what a person should know before they stop the session."""
    if session.failed:
        return wording.STOP_FAILED[session.files]
    return (wording.STOP_SUSPENDED if session.suspended else wording.STOP)[session.files]


def duplicating(session: SessionView) -> str:
    """Return what a person should know before they start another session like this one."""
    words = wording.DUPLICATE_UPLOAD if session.scene.upload else wording.DUPLICATE
    return words if session.files is Files.LOST else f"{words} {wording.DUPLICATE_HAS_NO_WORKSPACE}"


def restarted(session: SessionView, now: datetime) -> str:
    """Return when and why the desktop ended in this run without anybody's wish; empty if it did not."""
    end, started = session.status.last_termination, session.status.started_at
    if end is None or not session.live or session.suspend_requested or (started is not None and end.at < started):
        return ""
    at = f"{end.at:%H:%M} UTC" if end.at.date() == now.date() else f"{end.at:%H:%M} UTC on {end.at.day} {end.at:%B}"
    headline = wording.RESTARTED.get(end.reason, wording.RESTARTED_OTHERWISE)
    return f"{headline.format(at=at)} {end.message}".strip()


def until(at: datetime, now: datetime) -> str:
    """Return the time from now to a moment, in the largest unit that fits."""
    return f"in {span(seconds)}" if (seconds := int((at - now).total_seconds())) >= 60 else "within a minute"


def age(created: datetime, now: datetime) -> str:
    """Return the time since a moment, in the largest unit that fits."""
    return f"{span(seconds)} ago" if (seconds := int((now - created).total_seconds())) >= 60 else "just now"


def span(seconds: int) -> str:
    """Return a time of at least 60 seconds, in the largest unit that fits."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    count = seconds // size
    return f"{count} {unit}{'s' if count > 1 else ''}"
