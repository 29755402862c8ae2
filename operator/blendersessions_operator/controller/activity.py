"""What is known of activity in the desktops: running tunnels, and what each agent last answered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from blendersessions_operator.planning.lifetime import Activity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.clients.agent import AgentStatus
    from blendersessions.model.session import Session


@dataclass
class ActivityTracker:
    """Activity by session UID. A restart of the operator empties it, and the agents are asked again."""

    opened: dict[str, tuple[datetime, ...]] = field(default_factory=dict)
    """When each running tunnel was opened."""
    reported: dict[str, Activity] = field(default_factory=dict)
    """What the agent last answered."""
    warned: dict[str, datetime] = field(default_factory=dict)
    """The end of the session that the person was warned of."""

    def activity_of(self, session: Session) -> Activity:
        """Return what is known of a session."""
        status = session.status
        known = self.reported.get(session.uid, Activity())
        last_active = status.activity.last_active_at if status.activity is not None else None
        if known.last_input_at is None and status.ready_at and last_active and last_active > status.ready_at:
            # The operator saw input then, before it was restarted.
            known = replace(known, last_input_at=last_active)
        return replace(
            known,
            started_at=status.started_at,
            ready_at=status.ready_at,
            opened_at=self.opened.get(session.uid, ()),
        )

    def record(self, session: Session, answer: AgentStatus, now: datetime) -> None:
        """Record an agent's answer."""
        former = self.reported.get(session.uid, Activity())
        self.reported[session.uid] = Activity(
            last_input_at=now - timedelta(seconds=answer.idle_seconds),
            rendering=answer.rendering,
            last_render_at=now if answer.rendering else former.last_render_at,
            asked_at=now,
        )

    def set_tunnels(self, opened: Mapping[str, tuple[datetime, ...]]) -> set[str]:
        """Record the running tunnels of all sessions; return the UIDs of the sessions whose tunnels changed."""
        former, self.opened = self.opened, dict(opened)
        return {uid for uid in former.keys() | opened.keys() if former.get(uid) != opened.get(uid)}

    def forget(self, uid: str) -> None:
        """Forget a session that is gone, or its run that is over."""
        for known in (self.opened, self.reported, self.warned):
            known.pop(uid, None)
