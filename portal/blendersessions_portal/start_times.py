"""How long a start usually takes, from the starts of the sessions that there are. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from blendersessions.model.status import StartPath
from blendersessions_portal.lifetime_words import span

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from blendersessions_portal.session_view import SessionView

FEWEST_STARTS: Final = 3
"""From fewer starts nothing is told: one slow one would decide."""
MOST_STARTS: Final = 20
"""The last ones count, since yesterday's machines may be others."""

_LONG_SECONDS: Final = 180


@dataclass(frozen=True)
class StartPace:
    """How long a start has taken so far, and how long starts like it usually take, in whole seconds."""

    usual: int
    so_far: int

    @property
    def long(self) -> str:
        """The time so far in minutes or hours; empty while it is better told in seconds."""
        return span(self.so_far) if self.so_far >= _LONG_SECONDS else ""


def start_pace(session: SessionView, others: Iterable[SessionView], now: datetime) -> StartPace | None:
    """Return the pace of a session that starts; None if it does not start, or nothing can be said of it."""
    began = _began(session)
    if began is None:
        return None
    usual = _usual_seconds(session, others)
    return StartPace(max(1, round(usual)), max(0, int((now - began).total_seconds()))) if usual is not None else None


def _began(session: SessionView) -> datetime | None:
    """Return when the present start began; None if there is none, or its length is up to a person or a server."""
    if not session.session.is_starting or session.status.ready_at is not None or _brings_its_own(session):
        return None
    # A resumed session begins when the operator says so, and not when it was made.
    return session.status.started_at or (session.created if session.status.suspension is None else None)


def _usual_seconds(session: SessionView, others: Iterable[SessionView]) -> float | None:
    """Return the median of the last starts of the same class, by the same path."""
    known = [
        (other.status.ready_at, other.status.startup)
        for other in others
        if other.class_name == session.class_name and not _brings_its_own(other)
    ]
    starts = [(at, startup) for at, startup in known if at is not None and startup is not None]
    path = _path(session)
    if path is None and len({startup.path for _, startup in starts}) > 1:
        # It may become either of them.
        return None
    alike = [(at, startup.seconds) for at, startup in starts if path in (None, startup.path)]
    last = [seconds for _, seconds in sorted(alike)[-MOST_STARTS:]]
    return median(last) if len(last) >= FEWEST_STARTS else None


def _path(session: SessionView) -> StartPath | None:
    """Return by which path a session is being started; None if that is not known."""
    if session.status.suspension is not None:
        return StartPath.COLD
    desktop = session.status.desktop_name
    if desktop == session.session.generated_name:
        return StartPath.COLD
    # A desktop of a pool is new to a session that was never changed. A resumed one has kept the name of its former one.
    return StartPath.WARM if desktop and session.session.generation == 1 else None


def _brings_its_own(session: SessionView) -> bool:
    """Whether a person or a server brings the scene, which decides how long it takes."""
    return session.scene.upload or bool(session.scene.url)
