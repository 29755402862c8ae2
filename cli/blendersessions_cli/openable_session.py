"""A session as the command shows and opens it. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from blendersessions.model.conditions import Condition, ConditionType, Reason
from blendersessions.model.errors import Invalid
from blendersessions.model.files import Files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from blendersessions.model.session import Session

_NO_STATUS = Condition(
    ConditionType.READY,
    "Unknown",
    "NoStatus",
    "The operator has not reported on the session yet. It may not be running.",
)
_RECENT = timedelta(days=1)
"""An older end of a desktop is no news."""


class NotReadyError(Invalid):
    """The session cannot be used as it is now."""


@dataclass(frozen=True)
class OpenableSession:
    """A session with its users, the links that open it, and whether it is ready."""

    session: Session

    @property
    def label(self) -> str:
        """The session's name in messages."""
        return f"Session {self.session.namespace}/{self.session.name}"

    @property
    def users(self) -> tuple[str, ...]:
        """The Guacamole users who may open the session. The first one controls it."""
        return (self.session.username, *self.session.spec.viewers)

    @property
    def why_held(self) -> str:
        """Why a session with `spec.suspend` cannot be resumed, and what to do."""
        return (
            "Its spec suspends it (spec.suspend is true). Only somebody who may change the session can start it again:"
            f' kubectl patch bs {self.session.name} --type=merge -p \'{{"spec":{{"suspend":false}}}}\''
        )

    @property
    def suspending_loses_work(self) -> bool:
        """Whether a suspension now would stop a desktop without a workspace."""
        return self.session.files is Files.LOST and not self.session.suspend_requested

    @property
    def deleting_loses_work(self) -> bool:
        """Whether the deletion of the session deletes what was made in it."""
        return self.session.files is Files.DELETED or self.suspending_loses_work

    @property
    def awaits_upload(self) -> bool:
        """Whether the session waits for the scene that it opens."""
        return self._scene_reason == Reason.AWAITING_UPLOAD

    @property
    def opens_upload(self) -> bool:
        """Whether an upload becomes the session's scene: it waits for one, or its time is over and none came."""
        return self._scene_reason in (Reason.AWAITING_UPLOAD, Reason.UPLOAD_TIMED_OUT)

    @property
    def ready(self) -> Condition:
        """The condition Ready, or one with the reason NoStatus before the operator reports any."""
        return self.session.status.condition(ConditionType.READY) or _NO_STATUS

    @property
    def links(self) -> Mapping[str, str]:
        """The address that each user can open now, by user; empty while the session is not ready."""
        session, status = self.session, self.session.status
        if session.deleting or not self.ready.holds:
            return {}
        links = dict.fromkeys(session.spec.viewers, status.view_url) | {session.username: status.client_url}
        return {username: url for username, url in links.items() if url}

    @property
    def _scene_reason(self) -> str:
        scene = self.session.status.condition(ConditionType.SCENE_READY)
        return scene.reason if scene is not None else ""


def recent_ends(sessions: Iterable[OpenableSession], now: datetime) -> list[str]:
    """Return a sentence for each session whose desktop ended in the last day, though nobody ended it."""
    ordered = sorted(sessions, key=lambda each: each.session.name)
    ends = ((each.session.name, each.session.status.last_termination) for each in ordered)
    return [f"{name}: {end.sentence}" for name, end in ends if end is not None and now - end.at < _RECENT]
