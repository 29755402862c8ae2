"""A session as somebody who wants to use it sees it. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from blendersessions.model import suspension
from blendersessions.model.conditions import READY, STALLED, Condition
from blendersessions.model.session import parse_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from blendersessions.model.manifest import Manifest

_UNNOTICED = Condition(
    READY, "Unknown", "NotTakenUp", "The operator has not taken the session up; it may not be running."
)
_COLUMNS = ("NAME", "SCENE", "OWNER", "STATE", "REASON", "USERS", "EXPIRES", "AGE")
_NONE = "-"


@dataclass(frozen=True)
class Session:
    """What there is to know: who may open it, by which link, and how it is.

    Attributes:
        username: Guacamole user who controls it: the owner, or the session's own user when it has no owner.
        links: by user, the address by which that user may open it now; empty while it does not work.
        suspend_requested: it is suspended, and nobody has asked for it back.
    """

    namespace: str
    name: str
    username: str
    viewers: tuple[str, ...]
    links: Mapping[str, str]
    ready: Condition
    stalled: bool
    ending: bool
    suspend_requested: bool
    scene: str
    phase: str
    users: str
    expires: str
    created: datetime

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"Session {self.namespace}/{self.name}"

    @property
    def people(self) -> tuple[str, ...]:
        """All Guacamole users who may open it, the one who controls it first."""
        return (self.username, *self.viewers)

    @property
    def hopeless(self) -> bool:
        """Whether it will not become ready until somebody acts."""
        return self.ending or self.stalled or self.suspend_requested


def read(body: Manifest) -> Session:
    """Read the API server's object."""
    parsed = parse_session(body)
    status = parsed.status
    conditions = {
        entry["type"]: Condition(entry["type"], entry["status"], entry.get("reason", ""), entry.get("message", ""))
        for entry in status.get("conditions") or ()
    }
    ready = conditions.get(READY, _UNNOTICED)
    links: dict[str, str] = {}
    if ready.holds and not parsed.deleting:
        if url := status.get("viewURL"):
            links |= dict.fromkeys(parsed.spec.viewers, str(url))
        if url := status.get("clientURL"):
            links[parsed.username] = str(url)
    activity = status.get("activity") or {}
    return Session(
        namespace=parsed.namespace,
        name=parsed.name,
        username=parsed.username,
        viewers=parsed.spec.viewers,
        links=links,
        ready=ready,
        stalled=STALLED in conditions and conditions[STALLED].holds,
        ending=parsed.deleting,
        suspend_requested=suspension.suspend_requested(body),
        scene=parsed.spec.scene.sample,
        phase=str(status.get("phase") or ""),
        users=str(activity.get("users", "")),
        expires=str(activity.get("expiresAt") or ""),
        created=parsed.created_at,
    )


def table(sessions: Iterable[Session], now: datetime) -> str:
    """Lay sessions out in columns, by name."""
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for session in sorted(sessions, key=lambda each: each.name):
        age = _short((now - session.created).total_seconds())
        cells = (session.name, session.scene, session.username, session.phase, session.ready.reason)
        rows.append((*(cell or _NONE for cell in (*cells, session.users, session.expires)), age))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _short(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
