"""Post Events in the background. An Event is a courtesy: a failure to post it affects nothing else."""

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

    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.status_events import Event

logger = logging.getLogger(__name__)

COMPONENT = "blender-sessions-operator"
EVENT_DELAY_SECONDS = 1.0
"""An Event waits this long, so that several steps of one start become one Event."""
MAX_EVENT_AGE: Final = timedelta(seconds=30)
"""While sessions wait for a worker, Events wait until the oldest has this age. Each Event carries its own time."""
FLUSH_TIMEOUT_SECONDS = 3.0
"""Limit for posting the remaining Events when the operator ends."""
FLUSH_WORKERS = 10
"""Number of remaining Events that are posted at the same time."""
MAX_PENDING_EVENTS = 10_000
"""Further Events are dropped. The API server has been unavailable for long then, and nobody reads as many Events."""
_MAX_MESSAGE_CHARACTERS = 1024
"""Longest message of an Event that the API server accepts."""


@dataclass
class _Pending:
    involved: Manifest
    since: datetime
    events: list[Event] = field(default_factory=list)


class EventRecorder:
    """Posts Events one after the other, so that the start of a session does not wait for them.

    Args:
        kubernetes: the client of the API server.
        pod: the operator's own pod; None outside of a cluster.
        delay: seconds that an Event waits.
    """

    def __init__(self, kubernetes: Kubernetes, pod: Ref | None = None, delay: float = EVENT_DELAY_SECONDS) -> None:
        self._kubernetes = kubernetes
        self._pod = pod
        self._delay = delay
        self._pending: dict[str, _Pending] = {}
        self._added = asyncio.Event()

    def event(self, session: Session, event: Event) -> None:
        """Post an Event about a session."""
        involved = {
            "apiVersion": API_VERSION,
            "kind": SESSION_KIND,
            "namespace": session.namespace,
            "name": session.name,
            "uid": session.uid,
        }
        self._add(session.generated_name, involved, event)

    def operator_event(self, event: Event) -> None:
        """Post an Event that belongs to no session, on the operator's own pod. Outside of a cluster it is dropped."""
        if self._pod is not None:
            involved = {"apiVersion": "v1", "kind": "Pod", "namespace": self._pod.namespace, "name": self._pod.name}
            self._add(self._pod.name, involved, event)

    async def run(self, busy: Callable[[], bool]) -> None:
        """Post Events for ever; while `busy()` holds, only once the oldest is older than `MAX_EVENT_AGE`."""
        while True:
            await self._added.wait()
            await asyncio.sleep(self._delay)
            self._added.clear()
            while self._pending:
                if busy() and not self._is_overdue():
                    await asyncio.sleep(self._delay)
                else:
                    await self._post_next()

    async def flush(self) -> None:
        """Post the remaining Events, within `FLUSH_TIMEOUT_SECONDS`."""
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_SECONDS):
                await asyncio.gather(*(self._post_all() for _ in range(FLUSH_WORKERS)))
        except TimeoutError:
            logger.debug("Some Events were not posted before the end.")

    def _add(self, name: str, involved: Manifest, event: Event) -> None:
        if len(self._pending) >= MAX_PENDING_EVENTS:
            logger.debug("An Event is dropped, since too many wait already: %s", event)
            return
        events = self._pending.setdefault(name, _Pending(involved, event.at)).events
        if events and events[-1].start_step and event.start_step:
            events[-1] = replace(event, message=f"{events[-1].message} {event.message}")
        else:
            events.append(event)
        self._added.set()

    def _is_overdue(self) -> bool:
        oldest = next(iter(self._pending.values()))
        return datetime.now(UTC) - oldest.since > MAX_EVENT_AGE

    async def _post_all(self) -> None:
        while self._pending:
            await self._post_next()

    async def _post_next(self) -> None:
        name = next(iter(self._pending))
        pending = self._pending[name]
        involved, event = pending.involved, pending.events.pop(0)
        if not pending.events:
            del self._pending[name]
        try:
            await self._post(name, involved, event)
        except asyncio.CancelledError:
            # The Event's name is unique, so posting it once more creates no second one.
            self._pending.setdefault(name, _Pending(involved, event.at)).events.insert(0, event)
            raise
        except Exception:
            # An unexpected answer must not silence the recorder for the rest of the process's life.
            logger.exception("An Event was not posted for an unexpected reason.")

    async def _post(self, name: str, involved: Manifest, event: Event) -> None:
        timestamp = event.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        manifest: Manifest = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{name}.{event.at.timestamp():.6f}.{event.reason.lower()}"[:253],
                "namespace": involved["namespace"],
            },
            "involvedObject": involved,
            "type": event.type,
            "reason": event.reason,
            "message": event.message[:_MAX_MESSAGE_CHARACTERS],
            "firstTimestamp": timestamp,
            "lastTimestamp": timestamp,
            "count": 1,
            "source": {"component": COMPONENT},
        }
        try:
            await self._kubernetes.create(manifest)
        except DomainError as error:
            logger.debug("An Event was not posted: %s", error)
