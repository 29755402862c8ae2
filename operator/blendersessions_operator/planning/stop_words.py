"""Say what the stop of a pod waits for, and whether the work in it was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.conditions import Reason
from blendersessions.model.status import SaveResult
from blendersessions_operator.planning.endings import Explanation
from blendersessions_operator.planning.observed import own_pod
from blendersessions_operator.planning.save_progress import SaveOutcome
from blendersessions_operator.planning.saving import has_unsaved_work, latest_stop

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


def explain_stop(session: Session, observed: Observed) -> Explanation:
    """Return what the stop of the pod waits for. The reason is `SUSPENDING` if all goes well."""
    pod, progress = own_pod(session, observed), observed.save
    if pod is None or pod["metadata"].get("deletionTimestamp") or not has_unsaved_work(session, pod):
        return Explanation(Reason.SUSPENDING, "The pod is being stopped.")
    if progress is None or progress.outcome is None:
        return Explanation(Reason.SUSPENDING, "The desktop saves what is open in it, then the pod is stopped.")
    if progress.outcome is SaveOutcome.SAVED:
        return Explanation(Reason.SUSPENDING, "The desktop has saved, and the pod is being stopped.")
    until = latest_stop(session, observed)
    latest = f"at {until:%H:%M:%S} UTC at the latest" if until is not None else ""
    if progress.outcome is SaveOutcome.BUSY:
        message = f"{progress.message} The pod is stopped when that is done and saved, {latest}."
        return Explanation(Reason.WAITING_FOR_WORK, message)
    end = f"The pod is stopped {latest}, and its container saves if it can." if latest else "The desktop runs on."
    return Explanation(Reason.SAVE_FAILED, f"Nothing is saved yet, and saving is tried again: {progress.message} {end}")


def kept_files(session: Session) -> str:
    """Return what became of the work in a pod that a suspension stopped."""
    if session.spec.workspace is None:
        return "Without a workspace nothing was kept."
    suspension = session.status.suspension
    save = suspension.save if suspension is not None else None
    if save is None:
        return "The workspace keeps its files."
    if save.result is SaveResult.SAVED:
        return "The scene is in the workspace."
    return (
        f"The last save failed: {save.message} The pod was stopped, and its container saved if it could. The workspace "
        "keeps its files."
    )
