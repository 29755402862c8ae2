"""Track activity in the desktops: the running tunnels, and the last answer of each agent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from blendersessions.model.fields import word
from blendersessions.model.status import KeepAliveReason
from blendersessions_operator.planning.lifetime import Activity
from blendersessions_operator.planning.scene import goes_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.clients.agent import AgentStatus
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.scene_report import SceneReport


@dataclass
class ActivityTracker:
    """Activity by session UID. A restart of the operator empties it, and the agents are asked again."""

    opened: dict[str, tuple[datetime, ...]] = field(default_factory=dict)
    """The opening times of the running tunnels."""
    reported: dict[str, Activity] = field(default_factory=dict)
    """The last answer of the agent."""
    warned: dict[str, datetime] = field(default_factory=dict)
    """The expiry that the last warning announced."""
    silent: dict[str, datetime] = field(default_factory=dict)
    """When the agent last gave no answer, if it has given none since."""

    def activity_of(self, session: Session, scene: SceneReport | None) -> Activity:
        """Return the known activity of a session, whose agent last said this of its scene.

        Before a run was ready, its status has an activity only since its scene failed.
        """
        status = session.status
        known = self.reported.get(session.uid, Activity())
        last_active = status.activity.last_active_at if status.activity is not None else None
        if known.last_input_at is None and status.ready_at and last_active and last_active > status.ready_at:
            # The operator saw input at that time, before it was restarted.
            known = replace(known, last_input_at=last_active)
        return replace(
            known,
            started_at=status.started_at,
            ready_at=status.ready_at,
            failed_at=last_active if status.ready_at is None and not goes_on(session, scene) else None,
            opened_at=self.opened.get(session.uid, ()),
        )

    def record(self, session: Session, answer: AgentStatus, now: datetime) -> None:
        """Record an agent's answer."""
        former = self.reported.get(session.uid, Activity())
        work = work_of(answer)
        self.silent.pop(session.uid, None)
        self.reported[session.uid] = Activity(
            last_input_at=now - timedelta(seconds=answer.idle_seconds),
            work=work,
            last_work=work or former.last_work,
            last_work_at=now if work is not None else former.last_work_at,
            asked_at=now,
        )

    def set_tunnels(self, opened: Mapping[str, tuple[datetime, ...]]) -> set[str]:
        """Record the running tunnels of all sessions; return the UIDs of the sessions whose tunnels changed."""
        former, self.opened = self.opened, dict(opened)
        return {uid for uid in former.keys() | opened.keys() if former.get(uid) != opened.get(uid)}

    def forget(self, uid: str) -> None:
        """Forget a session that is gone, or whose run is over."""
        for entries in (self.opened, self.reported, self.warned, self.silent):
            entries.pop(uid, None)


def work_of(answer: AgentStatus) -> KeepAliveReason | None:
    """Return what a desktop works at; None if it does not. A word that we do not know is an operation."""
    known = word(KeepAliveReason, answer.work)
    if known in (KeepAliveReason.RENDER, KeepAliveReason.BAKE, KeepAliveReason.SIMULATION):
        return known
    return KeepAliveReason.OPERATION if answer.work else None
