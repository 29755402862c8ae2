"""Decide whether a desktop is asked to save before its pod is stopped, and how long the stop waits for that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from blendersessions.model.files import Files
from blendersessions.model.session_class import Saving
from blendersessions.model.status import KeepAliveReason, LastSave, SaveResult
from blendersessions_operator.planning import podstate
from blendersessions_operator.planning.observed import own_pod
from blendersessions_operator.planning.save_progress import SaveOutcome, SaveProgress

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed

SILENCE_LIMIT: Final = timedelta(minutes=2)
"""An agent that has not answered for this time is broken. The pod is stopped then, and its container saves if it
can."""
FRESH_FOR: Final = timedelta(minutes=1)
"""A save is repeated if the pod could not be stopped for this time after it."""
FIRST_RETRY: Final = timedelta(seconds=1)
"""Time to the second attempt. It doubles with each further one."""


LONGEST_RETRY: Final = {
    SaveOutcome.BUSY: timedelta(seconds=5),
    SaveOutcome.SILENT: timedelta(seconds=15),
    SaveOutcome.REFUSED: timedelta(minutes=1),
}
WORK: Final = {
    KeepAliveReason.RENDER: "A render runs.",
    KeepAliveReason.BAKE: "A bake runs.",
    KeepAliveReason.SIMULATION: "A simulation runs.",
    KeepAliveReason.OPERATION: "Blender works on a long operation.",
}
"""What a stop waits for. The agent's own sentence counts the minutes, and each one would be another status."""


class SaveAction(StrEnum):
    """What comes next for a pod that must be stopped."""

    SAVE = "Save"
    WAIT = "Wait"
    STOP = "Stop"


@dataclass(frozen=True)
class SaveDecision:
    """What comes next, and what is known of the save."""

    action: SaveAction
    final: bool = False
    """With `SAVE`: ask although Blender works, because the pod is stopped after this attempt."""
    until: datetime | None = None
    """When the pod is stopped at the latest; None if it is not known."""
    result: LastSave | None = None
    """With `STOP`: how the last save ended; None if there was nothing to save."""
    requeue_after: timedelta | None = None


def decide_save(session: Session, observed: Observed) -> SaveDecision:
    """Decide for a session whose pod must be stopped: save, wait, or stop the pod."""
    pod, progress = own_pod(session, observed), observed.save
    if pod is None or not has_unsaved_work(session, pod):
        return SaveDecision(SaveAction.STOP)
    until = latest_stop(session, observed)
    if progress is None:
        return SaveDecision(SaveAction.SAVE, until=until)
    if progress.running or progress.outcome is None or progress.ended_at is None:
        return SaveDecision(SaveAction.WAIT, until=until)
    if progress.outcome is SaveOutcome.SAVED:
        if observed.now - progress.ended_at < FRESH_FOR:
            return SaveDecision(SaveAction.STOP, result=LastSave(SaveResult.SAVED))
        return SaveDecision(SaveAction.SAVE, until=until)
    if until is not None and observed.now >= until:
        if progress.outcome is SaveOutcome.BUSY and not progress.final:
            return SaveDecision(SaveAction.SAVE, final=True, until=until)
        return SaveDecision(SaveAction.STOP, result=LastSave(SaveResult.FAILED, progress.message))
    return _retry(progress, progress.outcome, progress.ended_at, until, observed.now)


def _retry(
    progress: SaveProgress, outcome: SaveOutcome, ended_at: datetime, until: datetime | None, now: datetime
) -> SaveDecision:
    """Save again after a pause. After the clock was set back the last attempt is in the future, and counts as due."""
    pause = min(LONGEST_RETRY[outcome], FIRST_RETRY * 2 ** min(max(0, progress.row - 1), 16))
    if now >= ended_at + pause or now < ended_at:
        return SaveDecision(SaveAction.SAVE, until=until)
    left = min(moment for moment in (ended_at + pause, until) if moment is not None) - now
    return SaveDecision(SaveAction.WAIT, until=until, requeue_after=left)


def has_unsaved_work(session: Session, pod: Manifest) -> bool:
    """Return whether a save can keep something: Blender may run, and its home folder outlives the pod."""
    if session.spec.workspace is None or (session.deleting and session.files is not Files.KEPT):
        return False
    return podstate.is_running(pod) and not podstate.has_ended(pod)


def latest_stop(session: Session, observed: Observed) -> datetime | None:
    """Return when the pod is stopped although nothing is saved; None while that is not known.

    A desktop that answers and cannot save runs on in a suspension, because somebody can make room. A deletion ends.
    """
    progress, saving = observed.save, saving_of(observed)
    if progress is None or progress.outcome is None or progress.row_since is None:
        return None
    if progress.outcome is SaveOutcome.BUSY:
        return stop_requested_at(session, observed.now) + saving.wait_for_work
    if progress.outcome is SaveOutcome.SILENT or session.deleting:
        return progress.row_since + min(SILENCE_LIMIT, saving.wait_for_work)
    return None


def stop_requested_at(session: Session, now: datetime) -> datetime:
    """Return since when the pod must be stopped: the time of the deletion, or of the recorded suspension."""
    suspension = session.status.suspension
    return session.deleted_at or (suspension.at if suspension is not None else None) or now


def save_occasion(session: Session) -> str:
    """Return a key of the suspension or the deletion that a save is for. A save for another one does not count."""
    suspension = session.status.suspension
    if session.deleted_at is not None:
        return f"deletion {session.deleted_at}"
    return f"suspension {suspension.at}" if suspension is not None else ""


def saving_of(observed: Observed) -> Saving:
    """Return how long a save may take, and how long it is waited for."""
    return observed.settings.saving if observed.settings is not None else Saving()
