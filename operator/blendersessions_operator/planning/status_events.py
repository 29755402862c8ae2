"""Which Events, and which steps of a start in the metrics, follow from a change of a session's status."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.model import conditions as c

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

START_STEPS: Final = {
    c.DESKTOP_READY: ("Desktop", "DesktopRunning"),
    c.SCENE_READY: ("Scene", "SceneVisible"),
    c.CONNECTION_READY: ("Connection", "Registered"),
    c.READY: ("Ready", "Ready"),
}
"""The steps of a start, by the condition that turns true: the step's name in the metrics, and the Event's reason."""
_EXPECTED_REASONS: Final = frozenset(
    {
        c.CONNECTION_PENDING,
        c.DESKTOP_PENDING,
        c.POD_STARTING,
        c.SCENE_LOADING,
        c.DESKTOP_NOT_READY,
        c.POD_TERMINATING,
        c.TERMINATING,
        c.PROGRESSING,
        c.SUSPENDED,
        c.SUSPENDING,
        "ContainerCreating",
        "PodInitializing",
    }
)
"""Reasons that every start or end passes through: no Warning is due for them."""


@dataclass(frozen=True)
class Event:
    """An Event to post."""

    type: str
    """Normal or Warning."""
    reason: str
    message: str
    start_step: bool = False
    """Whether it reports a step of a start. Steps that follow one another at once become one Event, under the last
    one's reason: most starts would be five Events otherwise, half of all requests that a start costs."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def steps_done(former: Manifest, wanted: Manifest, now: datetime) -> list[tuple[str, float]]:
    """Return the steps of a start that a change of the status completes, each with the seconds since the start."""
    if "readyAt" in former or "startedAt" not in wanted:
        return []
    started_at = datetime.fromisoformat(wanted["startedAt"])
    seconds = max(0.0, (now - started_at).total_seconds())
    return [(step, seconds) for kind, (step, _) in START_STEPS.items() if _turned_true(kind, former, wanted)]


def events_of_change(former: Manifest, wanted: Manifest) -> list[Event]:
    """Return the Events that a change of the status is worth: each step of a start, and each new failure reason."""
    events: list[Event] = []
    if "startedAt" in wanted and "startedAt" not in former:
        events.append(Event("Normal", "Started", "The session is being started.", start_step=True))
    after = _by_type(wanted)
    for kind, (_, reason) in START_STEPS.items():
        if _turned_true(kind, former, wanted):
            message = f"Open {wanted.get('clientURL')}" if kind == c.READY else str(after[kind].get("message"))
            events.append(Event("Normal", reason, message, start_step=True))
    if _turned_true(c.SUSPENDED, former, wanted):
        events.append(Event("Normal", c.SUSPENDED, str(after[c.SUSPENDED].get("message"))))
    return events + _warnings(former, wanted)


def _warnings(former: Manifest, wanted: Manifest) -> list[Event]:
    before, after = _by_type(former), _by_type(wanted)
    warnings: dict[str, Event] = {}
    for kind in (c.STALLED, c.DESKTOP_READY, c.SCENE_READY, c.CONNECTION_READY):
        entry = after.get(kind, {})
        failed = entry.get("status") == ("True" if kind == c.STALLED else "False")
        reason = str(entry.get("reason"))
        known = before.get(kind, {}).get("reason") == reason
        if failed and not known and reason not in _EXPECTED_REASONS:
            warnings.setdefault(reason, Event("Warning", reason, str(entry.get("message"))))
    return list(warnings.values())


def _turned_true(kind: str, former: Manifest, wanted: Manifest) -> bool:
    return _is_true(kind, wanted) and not _is_true(kind, former)


def _is_true(kind: str, status: Manifest) -> bool:
    return bool(_by_type(status).get(kind, {}).get("status") == "True")


def _by_type(status: Manifest) -> dict[str, Manifest]:
    return {entry["type"]: entry for entry in status.get("conditions") or ()}
