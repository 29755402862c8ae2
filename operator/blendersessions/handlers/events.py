"""Events: what people are told beside the status. They are a courtesy: when one fails, nothing else does."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.errors import DomainError
from blendersessions.model.manifest import API_VERSION, SESSION_KIND

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.gateways.kubernetes import Kubernetes
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session

logger = logging.getLogger(__name__)

COMPONENT = "blender-sessions-operator"
LINGER_SECONDS = 1.0
"""So late an Event may be. What happens to a session within that time is told by fewer of them."""
LATEST: Final = timedelta(seconds=30)
"""So late it may be while people wait for sessions to start: it says itself when what it tells of happened."""
FLUSH_SECONDS = 3.0
"""So long the last Events may take when the operator ends."""
AT_ONCE = 10
"""So many of the last Events are posted at the same time."""
LIMIT = 10_000
"""More Events than this do not wait: the API server is away for long, and nobody reads them all."""
_MESSAGE_LIMIT = 1024
"""Characters that the API server takes in an Event's message."""


@dataclass(frozen=True)
class Note:
    """What an Event is to say."""

    kind: str
    """Normal or Warning."""
    reason: str
    message: str
    step: bool = False
    """Whether it tells a step of a start. Steps that follow one another at once are told together, under the last one's
    reason: most starts would be five Events otherwise, half of all that is written for them."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class _Untold:
    involved: Manifest
    since: datetime
    notes: list[Note] = field(default_factory=list)


class Events:
    """Posts Events behind the work, one after the other, so that a hundred people who start do not wait for them."""

    def __init__(self, kubernetes: Kubernetes, pod: Ref | None = None, linger: float = LINGER_SECONDS) -> None:
        self._kubernetes = kubernetes
        self._pod = pod
        self._linger = linger
        self._pending: dict[str, _Untold] = {}
        self._news = asyncio.Event()

    def tell(self, session: Session, note: Note) -> None:
        """Have an Event posted on a session."""
        involved = {
            "apiVersion": API_VERSION,
            "kind": SESSION_KIND,
            "namespace": session.namespace,
            "name": session.name,
            "uid": session.uid,
        }
        self._add(session.desktop_name, involved, note)

    def tell_of_operator(self, note: Note) -> None:
        """Have an Event posted on the operator's own pod, about what belongs to no session; there is none elsewhere."""
        if self._pod is not None:
            involved = {"apiVersion": "v1", "kind": "Pod", "namespace": self._pod.namespace, "name": self._pod.name}
            self._add(self._pod.name, involved, note)

    async def run(self, busy: Callable[[], bool]) -> None:
        """Post for ever what there is to tell; while there is other work waiting, only what is late."""
        while True:
            await self._news.wait()
            await asyncio.sleep(self._linger)
            self._news.clear()
            while self._pending:
                if busy() and not self._is_late():
                    await asyncio.sleep(self._linger)
                else:
                    await self._post_next()

    async def flush(self) -> None:
        """Post what is left, for a short while."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await asyncio.gather(*(self._post_rest() for _ in range(AT_ONCE)))
        except TimeoutError:
            logger.debug("Some Events were not posted before the end.")

    def _add(self, name: str, involved: Manifest, note: Note) -> None:
        if len(self._pending) >= LIMIT:
            logger.debug("An Event is not posted, for too many wait already: %s", note)
            return
        notes = self._pending.setdefault(name, _Untold(involved, note.at)).notes
        if notes and notes[-1].step and note.step:
            notes[-1] = replace(note, message=f"{notes[-1].message} {note.message}")
        else:
            notes.append(note)
        self._news.set()

    def _is_late(self) -> bool:
        oldest = next(iter(self._pending.values()))
        return datetime.now(UTC) - oldest.since > LATEST

    async def _post_rest(self) -> None:
        while self._pending:
            await self._post_next()

    async def _post_next(self) -> None:
        name = next(iter(self._pending))
        untold = self._pending[name]
        involved, note = untold.involved, untold.notes.pop(0)
        if not untold.notes:
            del self._pending[name]
        try:
            await self._post(name, involved, note)
        except asyncio.CancelledError:
            # Its name is its own, so that it is not posted twice if it was already.
            self._pending.setdefault(name, _Untold(involved, note.at)).notes.insert(0, note)
            raise
        except Exception:
            # An answer that nobody thought of must not silence the rest of the process's life.
            logger.exception("An Event was not posted for an unexpected reason.")

    async def _post(self, name: str, involved: Manifest, note: Note) -> None:
        moment = note.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        event: Manifest = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{name}.{note.at.timestamp():.6f}.{note.reason.lower()}"[:253],
                "namespace": involved["namespace"],
            },
            "involvedObject": involved,
            "type": note.kind,
            "reason": note.reason,
            "message": note.message[:_MESSAGE_LIMIT],
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
            "source": {"component": COMPONENT},
        }
        try:
            await self._kubernetes.create(event)
        except DomainError as error:
            logger.debug("An Event was not posted: %s", error)
