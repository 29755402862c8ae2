"""Has desktops of pools open the scenes of the sessions that have taken them, each as a task of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from blendersessions.model.errors import DomainError
from blendersessions_operator.controller.background_tasks import BackgroundTasks
from blendersessions_operator.planning.opening import Opening

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.clients.agent import AgentClient, AgentEndpoint
    from blendersessions.model.manifest import Ref
    from blendersessions.model.session import Session

logger = logging.getLogger(__name__)


class Openings:
    """Asks agents to open samples. A session is enqueued again when the outcome is there.

    A restart of the operator forgets all outcomes. Then an agent is asked again, which opens nothing twice.

    Args:
        agents: the client.
        endpoint_of: returns a session's agent; may raise `Unavailable`.
        enqueue: adds a session to the work queue.
    """

    def __init__(
        self,
        agents: AgentClient,
        endpoint_of: Callable[[Session], AgentEndpoint],
        enqueue: Callable[[Ref], None],
    ) -> None:
        self._agents = agents
        self._endpoint_of = endpoint_of
        self._enqueue = enqueue
        self._known: dict[str, tuple[str, Opening]] = {}
        """By the session's UID: the pod's UID, and how far its desktop is."""
        self._tasks = BackgroundTasks()

    def opening_of(self, uid: str, pod_uid: str) -> Opening | None:
        """Return how far a session's pod is; None if it was not asked."""
        known = self._known.get(uid)
        return known[1] if known is not None and known[0] == pod_uid else None

    def begin(self, session: Session, pod_uid: str, sample: str) -> None:
        """Ask the agent of a session's pod to open a sample, or the empty scene."""
        if self.opening_of(session.uid, pod_uid) is None:
            self._known[session.uid] = pod_uid, Opening()
            self._tasks.start(self._open(session, pod_uid, sample), f"open {session.ref}")

    def forget(self, uid: str) -> None:
        """Forget a session that is gone."""
        self._known.pop(uid, None)

    async def idle(self) -> None:
        """Wait until no request is under way."""
        await self._tasks.idle()

    async def close(self) -> None:
        """End all requests."""
        await self._tasks.close()

    async def _open(self, session: Session, pod_uid: str, sample: str) -> None:
        failure = "The agent failed unexpectedly."
        extra = {"session": f"{session.namespace}/{session.name}"}
        try:
            await self._agents.open_sample(self._endpoint_of(session), sample)
            failure = ""
        except DomainError as error:
            failure = str(error)
            logger.warning("Another desktop is started: %s", error, extra=extra)
        finally:
            if self.opening_of(session.uid, pod_uid) is not None:
                self._known[session.uid] = pod_uid, Opening(running=False, failure=failure)
            self._enqueue(session.ref)
