"""Derive the Events, and the completed steps of a start for the metrics, from a change of a session's status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import ConditionType, Reason

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.conditions import Condition
    from blendersessions.model.status import SessionStatus

START_STEPS: Final = {
    ConditionType.DESKTOP_READY: ("Desktop", Reason.DESKTOP_RUNNING),
    ConditionType.SCENE_READY: ("Scene", Reason.SCENE_VISIBLE),
    ConditionType.CONNECTION_READY: ("Connection", Reason.REGISTERED),
    ConditionType.READY: ("Ready", ConditionType.READY),
}
"""The steps of a start, by the condition that turns true: the step's name in the metrics, and the Event's reason."""
_EXPECTED_REASONS: Final = frozenset(
    {
        Reason.CONNECTION_PENDING,
        Reason.DESKTOP_PENDING,
        Reason.POD_STARTING,
        Reason.SCENE_LOADING,
        Reason.SCENE_FETCHING,
        Reason.AWAITING_UPLOAD,
        Reason.DESKTOP_NOT_READY,
        Reason.POD_TERMINATING,
        Reason.TERMINATING,
        Reason.PROGRESSING,
        ConditionType.SUSPENDED,
        Reason.SUSPENDING,
        Reason.RUNNING,
        Reason.WAITING_FOR_WORK,
        "ContainerCreating",
        "PodInitializing",
    }
)
"""Reasons that every start or end passes through, so they cause no Warning."""

_INSTALLATION_REASONS: Final = frozenset({Reason.GUACD_UNAVAILABLE})
"""Reasons that all sessions have at the same time. One Event on the operator's own pod reports them."""


@dataclass(frozen=True)
class Event:
    """An Event to post."""

    type: str
    """Normal or Warning."""
    reason: str
    message: str
    at: datetime
    """When what it reports happened."""
    start_step: bool = False
    """Whether it reports a step of a start. Steps in quick succession become one Event with the reason of the last one.
    Otherwise most starts would post five Events, half of all requests of a start."""


def steps_done(former: SessionStatus, wanted: SessionStatus, now: datetime) -> list[tuple[str, float]]:
    """Return the steps of a start that a change of the status completes, each with the seconds since its beginning."""
    if former.ready_at is not None or wanted.started_at is None:
        return []
    seconds = max(0.0, (now - wanted.started_at).total_seconds())
    return [(step, seconds) for kind, (step, _) in START_STEPS.items() if _turned_true(kind, former, wanted)]


def events_of_change(former: SessionStatus, wanted: SessionStatus, now: datetime) -> list[Event]:
    """Return the Events of a change of the status: one for each step of a start and one for each new failure."""
    events: list[Event] = []
    if wanted.started_at is not None and former.started_at is None:
        events.append(Event("Normal", "Started", "The session is being started.", now, start_step=True))
    for kind, (_, reason) in START_STEPS.items():
        if (entry := _turned_true(kind, former, wanted)) and not _was_installations(kind, former):
            message = f"Open {wanted.client_url}" if kind is ConditionType.READY else entry.message
            events.append(Event("Normal", reason, message, now, start_step=True))
    scene, before = wanted.condition(ConditionType.SCENE_READY), former.condition(ConditionType.SCENE_READY)
    if _awaits_upload(scene) and scene is not None and not _awaits_upload(before):
        events.append(Event("Normal", scene.reason, scene.message, now))
    if entry := _turned_true(ConditionType.SUSPENDED, former, wanted):
        events.append(Event("Normal", ConditionType.SUSPENDED, entry.message, now))
    return events + _warnings(former, wanted, now)


def _warnings(former: SessionStatus, wanted: SessionStatus, now: datetime) -> list[Event]:
    warnings: dict[str, Event] = {}
    last = wanted.last_termination
    if last is not None and not last.same_end(former.last_termination):
        warnings[last.reason] = Event("Warning", last.reason, last.message, now)
    for kind in (
        ConditionType.STALLED,
        ConditionType.DESKTOP_READY,
        ConditionType.SCENE_READY,
        ConditionType.CONNECTION_READY,
        ConditionType.SUSPENDED,
    ):
        before, entry = former.condition(kind), wanted.condition(kind)
        if entry is None or entry.status != ("True" if kind is ConditionType.STALLED else "False"):
            continue
        known = before is not None and before.reason == entry.reason
        # The end of a desktop is one Event, for as long as a condition is false because of it.
        reported = last is not None and last.reason == entry.reason
        if not known and not reported and entry.reason not in _EXPECTED_REASONS | _INSTALLATION_REASONS:
            warnings.setdefault(entry.reason, Event("Warning", entry.reason, entry.message, now))
    return list(warnings.values())


def _awaits_upload(scene: Condition | None) -> bool:
    return scene is not None and scene.reason == Reason.AWAITING_UPLOAD


def _was_installations(kind: ConditionType, former: SessionStatus) -> bool:
    """Return whether a session that was ready before had this condition false for the installation's reasons alone."""
    entry = former.condition(kind)
    return former.ready_at is not None and entry is not None and entry.reason in _INSTALLATION_REASONS


def _turned_true(kind: ConditionType, former: SessionStatus, wanted: SessionStatus) -> Condition | None:
    """Return the condition if it is true now and was not before."""
    entry = wanted.condition(kind)
    return entry if entry is not None and entry.holds and not former.holds(kind) else None
