"""A session as the command shows and opens it. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from blendersessions.model.conditions import Condition, ConditionType
from blendersessions.model.fields import timestamp
from blendersessions.model.files import Files
from blendersessions.model.status import ReportedActivity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from blendersessions.model.session import Session

_NO_STATUS = Condition(
    ConditionType.READY,
    "Unknown",
    "NoStatus",
    "The operator has not reported on the session yet. It may not be running.",
)
_COLUMNS = ("NAME", "SCENE", "OWNER", "STATE", "REASON", "USERS", "EXPIRES", "AGE")
_EMPTY_CELL = "-"
_RECENT = timedelta(days=1)
"""An older end of a desktop is no news."""


@dataclass(frozen=True)
class OpenableSession:
    """A session with its users, the links that open it, and whether it is ready."""

    session: Session

    @property
    def label(self) -> str:
        """The session's name in messages."""
        return f"Session {self.session.namespace}/{self.session.name}"

    @property
    def users(self) -> tuple[str, ...]:
        """The Guacamole users who may open the session. The first one controls it."""
        return (self.session.username, *self.session.spec.viewers)

    @property
    def why_held(self) -> str:
        """Why a session with `spec.suspend` cannot be resumed, and what to do."""
        return (
            "Its spec suspends it (spec.suspend is true). Only somebody who may change the session can start it again:"
            f' kubectl patch bs {self.session.name} --type=merge -p \'{{"spec":{{"suspend":false}}}}\''
        )

    @property
    def suspending_loses_work(self) -> bool:
        """Whether a suspension now would stop a desktop without a workspace."""
        return self.session.files is Files.LOST and not self.session.suspend_requested

    @property
    def ready(self) -> Condition:
        """The condition Ready, or one with the reason NoStatus before the operator reports any."""
        return self.session.status.condition(ConditionType.READY) or _NO_STATUS

    @property
    def links(self) -> Mapping[str, str]:
        """The address that each user can open now, by user; empty while the session is not ready."""
        session, status = self.session, self.session.status
        if session.deleting or not self.ready.holds:
            return {}
        links = dict.fromkeys(session.spec.viewers, status.view_url) | {session.username: status.client_url}
        return {username: url for username, url in links.items() if url}


def recent_ends(sessions: Iterable[OpenableSession], now: datetime) -> list[str]:
    """Return a sentence for each session whose desktop ended in the last day, though nobody ended it."""
    ordered = sorted(sessions, key=lambda each: each.session.name)
    ends = ((each.session.name, each.session.status.last_termination) for each in ordered)
    return [f"{name}: {end.sentence}" for name, end in ends if end is not None and now - end.at < _RECENT]


def table(sessions: Iterable[OpenableSession], now: datetime) -> str:
    """Return the sessions as lines in columns, sorted by name. Ages are counted up to `now`."""
    rows = [_row(each, now) for each in sorted(sessions, key=lambda each: each.session.name)]
    rows.insert(0, _COLUMNS)
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(each: OpenableSession, now: datetime) -> tuple[str, ...]:
    session, status = each.session, each.session.status
    activity = status.activity or ReportedActivity()
    cells = (
        session.name,
        session.spec.scene.sample,
        session.username,
        status.phase,
        each.ready.reason,
        "" if activity.users is None else str(activity.users),
        timestamp(activity.expires_at) if activity.expires_at is not None else "",
    )
    return (*(cell or _EMPTY_CELL for cell in cells), _short((now - session.created_at).total_seconds()))


def _short(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
