"""A session as somebody who wants to use it sees it. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from blendersessions.model.conditions import Condition, ConditionType
from blendersessions.model.fields import timestamp
from blendersessions.model.status import ReportedActivity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from blendersessions.model.session import Session

_UNNOTICED = Condition(
    ConditionType.READY,
    "Unknown",
    "NotTakenUp",
    "The operator has not taken the session up; it may not be running.",
)
_COLUMNS = ("NAME", "SCENE", "OWNER", "STATE", "REASON", "USERS", "EXPIRES", "AGE")
_NONE = "-"


@dataclass(frozen=True)
class OpenableSession:
    """A session with what a person needs who wants to open it: who may, by which link, and how it is."""

    session: Session

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"Session {self.session.namespace}/{self.session.name}"

    @property
    def people(self) -> tuple[str, ...]:
        """All Guacamole users who may open it, the one who controls it first."""
        return (self.session.username, *self.session.spec.viewers)

    @property
    def ready(self) -> Condition:
        """Whether it can be opened, and why not."""
        return self.session.status.condition(ConditionType.READY) or _UNNOTICED

    @property
    def links(self) -> Mapping[str, str]:
        """By user, the address by which that user may open it now; empty while it does not work."""
        session, status = self.session, self.session.status
        if session.deleting or not self.ready.holds:
            return {}
        links = dict.fromkeys(session.spec.viewers, status.view_url) | {session.username: status.client_url}
        return {username: url for username, url in links.items() if url}


def table(sessions: Iterable[OpenableSession], now: datetime) -> str:
    """Lay sessions out in columns, by name."""
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
    return (*(cell or _NONE for cell in cells), _short((now - session.created_at).total_seconds()))


def _short(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
