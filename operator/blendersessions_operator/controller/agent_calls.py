"""Requests to agents, each a task of its own: a desktop that does not answer must not hold up other sessions."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.model.errors import Busy, DomainError, Unauthorised, Unavailable
from blendersessions_operator.controller.activity import work_of
from blendersessions_operator.controller.background_tasks import BackgroundTasks
from blendersessions_operator.planning.save_progress import SaveOutcome, SaveProgress
from blendersessions_operator.planning.saving import WORK, save_occasion

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from blendersessions.clients.agent import AgentClient, AgentEndpoint, AgentStatus
    from blendersessions.model.manifest import Ref
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.activity import ActivityTracker
    from blendersessions_operator.controller.scene_tracker import SceneTracker

logger = logging.getLogger(__name__)

SAVES_PER_NAMESPACE: Final = 8
"""Saves at the same time. More would compete for the same disks."""
REQUESTS_PER_NAMESPACE: Final = 32
"""Other requests at the same time. Each has its answer within milliseconds, or its time-out after five seconds."""
SILENT_SAVE_SECONDS: Final = 30.0
"""Longest time of a save if the agent did not say how it is. Silent desktops must not take all places for long."""


class AgentCalls:
    """Asks agents behind the back of the workers. A session is enqueued again when an answer or a time-out is there.

    Args:
        agents: the client.
        activity: gets the answers about activity.
        scenes: gets the answers about scenes.
        endpoint_of: returns a session's agent; may raise `Unavailable`.
        enqueue: adds a session to the work queue.
    """

    def __init__(
        self,
        agents: AgentClient,
        activity: ActivityTracker,
        scenes: SceneTracker,
        endpoint_of: Callable[[Session], AgentEndpoint],
        enqueue: Callable[[Ref], None],
    ) -> None:
        self._agents = agents
        self._activity = activity
        self._scenes = scenes
        self._endpoint_of = endpoint_of
        self._enqueue = enqueue
        self._asking: set[str] = set()
        """UIDs of the sessions whose agent is being asked for its state."""
        self._saves: dict[str, tuple[tuple[str, str], SaveProgress]] = {}
        """By the session's UID: the pod's UID and the occasion, and the attempts for these."""
        self._save_slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(SAVES_PER_NAMESPACE)
        )
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(REQUESTS_PER_NAMESPACE)
        )
        self._tasks = BackgroundTasks()

    def is_asking(self, uid: str) -> bool:
        """Return whether the agent of a session is being asked for its state."""
        return uid in self._asking

    def save_of(self, session: Session, pod_uid: str) -> SaveProgress | None:
        """Return the attempts to save what a pod has, for the session's current suspension or deletion."""
        known = self._saves.get(session.uid)
        return known[1] if known is not None and known[0] == (pod_uid, save_occasion(session)) else None

    def ask(self, session: Session) -> None:
        """Ask an agent for its state. The answer tells of the activity and of the scene of its session."""
        if session.uid not in self._asking:
            self._asking.add(session.uid)
            self._tasks.start(self._ask(session), f"ask {session.ref}")

    def notify(self, session: Session, message: str, seconds: float) -> None:
        """Show a notice on a desktop for a number of seconds. A desktop that does not answer shows none."""
        self._tasks.start(self._notify(session, message, seconds), f"notify {session.ref}")

    def save(self, session: Session, pod_uid: str, longest: timedelta, *, final: bool) -> None:
        """Have what a person made in a desktop saved.

        Args:
            session: the session.
            pod_uid: its pod.
            longest: the longest time that the save may take.
            final: whether to ask for a save although Blender works.
        """
        former = self.save_of(session, pod_uid) or SaveProgress()
        if former.running:
            return
        key = pod_uid, save_occasion(session)
        self._saves[session.uid] = key, replace(former, running=True)
        self._tasks.start(self._save(session, key, former, longest, final=final), f"save {session.ref}")

    def forget(self, uid: str) -> None:
        """Forget a session that is gone."""
        self._saves.pop(uid, None)
        # What its agent still answers is of no use, and nothing would forget it again.
        self._asking.discard(uid)

    async def idle(self) -> None:
        """Wait until no request is under way."""
        await self._tasks.idle()

    async def close(self) -> None:
        """End all requests."""
        await self._tasks.close()

    async def _ask(self, session: Session) -> None:
        try:
            async with self._slots[session.namespace]:
                agent = self._endpoint_of(session)
                answer = await self._agents.status(agent)
            if session.uid in self._asking:
                self._activity.record(session, answer, datetime.now(UTC))
                self._scenes.record(session.uid, agent.pod_uid, answer, datetime.now(UTC))
        except DomainError as error:
            if session.uid in self._asking:
                self._activity.silent[session.uid] = datetime.now(UTC)
            logger.debug("%s", error, extra={"session": f"{session.namespace}/{session.name}"})
        finally:
            self._asking.discard(session.uid)
            self._enqueue(session.ref)

    async def _notify(self, session: Session, message: str, seconds: float) -> None:
        extra = {"session": f"{session.namespace}/{session.name}"}
        try:
            async with self._slots[session.namespace]:
                await self._agents.notify(self._endpoint_of(session), message, seconds)
        except DomainError as error:
            logger.debug("The desktop shows no notice: %s", error, extra=extra)
        else:
            logger.info("Showed a notice that the session ends.", extra=extra)

    async def _save(
        self, session: Session, key: tuple[str, str], former: SaveProgress, longest: timedelta, *, final: bool
    ) -> None:
        outcome, message, begun = SaveOutcome.SILENT, "The save failed unexpectedly.", datetime.now(UTC)
        try:
            async with self._save_slots[session.namespace]:
                begun = datetime.now(UTC)
                outcome, message = await self._attempt(session, longest.total_seconds(), final=final)
        finally:
            in_row = former.outcome is outcome and former.row_since is not None
            progress = SaveProgress(
                outcome=outcome,
                message=message,
                ended_at=datetime.now(UTC),
                row_since=former.row_since if in_row else begun,
                row=former.row + 1 if in_row else 1,
                final=final,
            )
            known = self._saves.get(session.uid)
            if known is not None and known[0] == key:
                self._saves[session.uid] = key, progress
            self._enqueue(session.ref)

    async def _attempt(self, session: Session, seconds: float, *, final: bool) -> tuple[SaveOutcome, str]:
        """Ask an agent to save, unless its Blender works; return the outcome, and why nothing was saved."""
        state: AgentStatus | None = None
        try:
            agent = self._endpoint_of(session)
            state = await self._state_of(agent)
            work = work_of(state) if state is not None else None
            if work is not None and not final:
                return SaveOutcome.BUSY, WORK[work]
            file = await self._agents.save(agent, seconds if state is not None else min(seconds, SILENT_SAVE_SECONDS))
        except Busy as error:
            if state is not None and state.stuck:
                return SaveOutcome.SILENT, state.work_message or str(error)
            work = work_of(state) if state is not None else None
            return SaveOutcome.BUSY, WORK[work] if work is not None else str(error)
        except (Unavailable, Unauthorised) as error:
            return SaveOutcome.SILENT, str(error)
        except DomainError as error:
            return SaveOutcome.REFUSED, str(error)
        logger.info("Saved the scene to %s.", file, extra={"session": f"{session.namespace}/{session.name}"})
        return SaveOutcome.SAVED, ""

    async def _state_of(self, agent: AgentEndpoint) -> AgentStatus | None:
        """Return an agent's state; None if it does not say. Then a save is tried all the same."""
        try:
            return await self._agents.status(agent)
        except DomainError:
            return None
