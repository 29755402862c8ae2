"""Write the status, once per real change, and post Events for what people want to be told."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.handlers.events import Note
from blendersessions.model import conditions as c
from blendersessions.model.errors import Conflict, NotFound
from blendersessions.model.manifest import SESSION_KIND, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.handlers.context import World
    from blendersessions.model.session import Session

logger = logging.getLogger(__name__)

STEPS: Final = {
    c.DESKTOP_READY: ("Desktop", "DesktopRunning"),
    c.SCENE_READY: ("Scene", "SceneVisible"),
    c.CONNECTION_READY: ("Connection", "Registered"),
    c.READY: ("Ready", "Ready"),
}
"""The steps of a start: by the condition that says that it is done, its name in the metrics and in Events."""
_QUIET: Final = frozenset(
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
"""Reasons that every start or end passes through: no warning."""

SETTLE_SECONDS = 0.3
"""So long the first status of a start is put off, and until a worker is free: a start that is done by then is told in
one write, not in two."""


@dataclass
class Settling:
    """Since when each start that has no status yet was seen to go on."""

    clock: Callable[[], float] = time.monotonic
    _since: dict[str, float] = field(default_factory=dict)

    def left(self, session: Session, wanted: Manifest) -> float:
        """Return for how many seconds a status can wait: none, unless it is the first, and all goes well so far."""
        known = bool(session.status.get("conditions"))
        if known or wanted["phase"] != "Starting" or any(note.kind == "Warning" for note in notes({}, wanted)):
            return 0.0
        begun = self._since.setdefault(session.uid, self.clock())
        return max(0.0, begun + SETTLE_SECONDS - self.clock())

    def forget(self, uid: str) -> None:
        """Forget a session that has a status, or is gone."""
        self._since.pop(uid, None)


async def report(world: World, session: Session, status: Manifest) -> None:
    """Write what changed in the status; raises the domain errors of the API server.

    It is computed from what the status was, so it is written to that version only: an earlier write whose answer was
    lost, or another session of the name, raises `Conflict`, and what there is now is known for the next attempt.
    """
    if status == session.status:
        return
    try:
        written = await world.kubernetes.replace(world.as_seen(session) | {"status": status}, "status")
    except NotFound:
        world.store.remove(session.ref, session.uid)
        return
    except Conflict:
        await world.reread(session.ref)
        raise
    world.store.replace({"kind": SESSION_KIND} | written)
    world.settling.forget(session.uid)
    where = f"{session.namespace}/{session.name}"
    ready = _by_type(status).get(c.READY, {})
    logger.info("Ready=%s: %s", ready.get("status"), ready.get("reason"), extra={"session": where})
    for step, seconds in steps_done(session.status, status):
        world.metrics.started("Cold", session.spec.class_name, step, seconds)
    for note in notes(session.status, status):
        world.events.tell(session, note)


def steps_done(former: Manifest, wanted: Manifest) -> list[tuple[str, float]]:
    """Tell which steps of a start a change of the status is the end of, and how many seconds after its beginning."""
    if "readyAt" in former or "startedAt" not in wanted:
        return []
    begun = datetime.fromisoformat(wanted["startedAt"])
    before, after = _by_type(former), _by_type(wanted)
    done = []
    for kind, (step, _) in STEPS.items():
        entry = after.get(kind, {})
        if entry.get("status") == "True" and before.get(kind, {}).get("status") != "True":
            done.append((step, max(0.0, (datetime.now(UTC) - begun).total_seconds())))
    return done


def notes(former: Manifest, wanted: Manifest) -> list[Note]:
    """Tell which Events a change of the status is worth: the start, readiness, and each new reason for a failure."""
    told: list[Note] = []
    before, after = _by_type(former), _by_type(wanted)
    if "startedAt" in wanted and "startedAt" not in former:
        told.append(Note("Normal", "Started", "The session is being started.", step=True))
    for kind, (_, reason) in STEPS.items():
        entry = after.get(kind, {})
        if entry.get("status") == "True" and before.get(kind, {}).get("status") != "True":
            message = f"Open {wanted.get('clientURL')}" if kind == c.READY else str(entry.get("message"))
            told.append(Note("Normal", reason, message, step=True))
    if after.get(c.SUSPENDED, {}).get("status") == "True" and before.get(c.SUSPENDED, {}).get("status") != "True":
        told.append(Note("Normal", c.SUSPENDED, str(after[c.SUSPENDED].get("message"))))
    said: set[str] = set()
    for kind in (c.STALLED, c.DESKTOP_READY, c.SCENE_READY, c.CONNECTION_READY):
        entry = after.get(kind, {})
        bad = entry.get("status") == ("True" if kind == c.STALLED else "False")
        reason = str(entry.get("reason"))
        known = before.get(kind, {}).get("reason") == reason
        if bad and not known and reason not in _QUIET | said:
            said.add(reason)
            told.append(Note("Warning", reason, str(entry.get("message"))))
    return told


def _by_type(status: Manifest) -> dict[str, Manifest]:
    return {entry["type"]: entry for entry in status.get("conditions") or ()}
