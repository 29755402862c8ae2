"""Keep what each agent last said of its scene and its Blender."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason
from blendersessions_operator.planning.scene_report import SceneReport

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.clients.agent import AgentStatus

PROGRESS_INTERVAL: Final = timedelta(seconds=5)
"""Shortest time between two messages that differ only in how far a scene has come. Each is a write of the status."""


class SceneTracker:
    """Reports by session UID. A restart of the operator empties it, and agents are asked again."""

    def __init__(self) -> None:
        self._reports: dict[str, tuple[str, SceneReport]] = {}
        """With the UID of the pod that each is about."""

    def report_of(self, uid: str, pod_uid: str) -> SceneReport | None:
        """Return what the agent in a session's pod last said; None if this pod's has not answered yet."""
        known = self._reports.get(uid)
        return known[1] if known is not None and known[0] == pod_uid else None

    def record(self, uid: str, pod_uid: str, answer: AgentStatus, now: datetime) -> None:
        """Record an agent's answer."""
        former = self.report_of(uid, pod_uid)
        message, told_at = answer.scene_message, now
        if former is not None and former.told_at is not None and former.reason == answer.scene_reason:
            early = former.told_at <= now < former.told_at + PROGRESS_INTERVAL
            if message == former.message or (answer.scene_reason == Reason.SCENE_FETCHING and early):
                message, told_at = former.message, former.told_at
        self._reports[uid] = (
            pod_uid,
            SceneReport(
                asked_at=now,
                ready=answer.ready,
                reason=answer.scene_reason,
                message=message,
                needs=answer.scene_needs,
                told_at=told_at,
                scene=answer.scene,
                blender_version=answer.blender_version,
            ),
        )

    def forget(self, uid: str) -> None:
        """Forget a session that is gone."""
        self._reports.pop(uid, None)
