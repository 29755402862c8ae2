"""Put off the first status of a start that goes well, so that a quick start is one write and not two."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blendersessions.model.status import SessionStatus
from blendersessions_operator.planning.status_events import events_of_change

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.model.session import Session

FIRST_STATUS_DELAY_SECONDS = 0.3
"""A start that completes within the delay costs one status write instead of two; docs/performance.md has figures."""


@dataclass
class StatusDebouncer:
    """Records since when each session without a status has been starting.

    Args:
        clock: a monotonic clock in seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _since: dict[str, float] = field(default_factory=dict)

    def delay_seconds(self, session: Session, wanted: SessionStatus) -> float:
        """Return the seconds for which a status can wait: 0 unless it is the first one and has no Warning."""
        if session.status.conditions or not wanted.desktop_name or not replace(session, status=wanted).is_starting:
            return 0.0
        if any(event.type == "Warning" for event in events_of_change(SessionStatus(), wanted, datetime.now(UTC))):
            return 0.0
        begun = self._since.setdefault(session.uid, self.clock())
        return max(0.0, begun + FIRST_STATUS_DELAY_SECONDS - self.clock())

    def forget(self, uid: str) -> None:
        """Forget a session that has a status, or is gone."""
        self._since.pop(uid, None)
