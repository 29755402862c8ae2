"""What the handlers need: it travels in Kopf's memo, since nothing is global."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.gateways.agent import Agents
from blendersessions.handlers.activities import Activities
from blendersessions.handlers.admissions import Admissions
from blendersessions.handlers.events import Events
from blendersessions.handlers.report import Settling
from blendersessions.handlers.store import Store
from blendersessions.metrics import Metrics
from blendersessions.model.errors import NotFound
from blendersessions.model.manifest import API_VERSION, SESSION_KIND

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.gateways.guacamole.http import Http
    from blendersessions.gateways.guacamole.registry import Registry
    from blendersessions.gateways.kubernetes import Kubernetes
    from blendersessions.handlers.workqueue import WorkQueue
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.profile import Profile
    from blendersessions.model.session import Session
    from blendersessions.settings import Settings


@dataclass
class World:
    """The gateways and the last known state: what a reconciliation works with."""

    kubernetes: Kubernetes
    registry: Registry
    profile: Profile
    namespaces: list[str]
    wake: Callable[[Ref], None]
    """Has a session looked at again."""
    wake_after: Callable[[Ref, float], None]
    """Has a session looked at again after so many seconds, if it is not before."""
    metrics: Metrics = field(default_factory=Metrics)
    pod: Ref | None = None
    """The operator's own pod, for Events about what belongs to no session; None outside of a cluster."""
    store: Store = field(default_factory=Store)
    agents: Agents = field(default_factory=Agents)
    activities: Activities = field(default_factory=Activities)
    settling: Settling = field(default_factory=Settling)
    admissions: Admissions = field(init=False)
    events: Events = field(init=False)

    def __post_init__(self) -> None:
        self.admissions = Admissions(self.store)
        self.events = Events(self.kubernetes, self.pod)
        self.store.on_session_gone = self._gone

    def _gone(self, session: Session) -> None:
        """Forget what was known of a session's run, and give its room to others."""
        self.activities.forget(session.uid)
        self.settling.forget(session.uid)
        self.admissions.forget(session.uid)
        for waiting in self.store.waiting(session.namespace, session.spec.class_name):
            self.wake(waiting.ref)

    def as_seen(self, session: Session) -> Manifest:
        """Return the whole object to write back; the API server refuses it when the session has changed since.

        Raises:
            NotFound: it is gone.
        """
        known = self.store.get(session.ref)
        if known is None:
            raise NotFound(f"{session.ref} is gone.", system="Kubernetes")
        seen = {"uid": session.uid, "resourceVersion": session.resource_version}
        return known | {"apiVersion": API_VERSION, "kind": SESSION_KIND, "metadata": known["metadata"] | seen}

    async def reread(self, ref: Ref) -> None:
        """Read an object anew, and note what there is; raises the domain errors of the API server."""
        uid = self.store.uid(ref)
        try:
            self.store.put({"kind": ref.kind} | await self.kubernetes.get(ref))
        except NotFound:
            if uid:
                self.store.remove(ref, uid)

    def wake_sessions_of(self, username: str) -> None:
        """Have all sessions that let a Guacamole user in looked at again."""
        for ref in self.store.sessions_of_user(username):
            self.wake(ref)


@dataclass
class Operator:
    """The running operator. `world` and the rest exist from start-up on."""

    settings: Settings
    world: World | None = None
    http: Http | None = None
    queue: WorkQueue[Ref] | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the operator."""
    reason: str = ""
    """Why it ended, when it could not go on."""

    def __copy__(self) -> Operator:
        """Kopf copies the memo for every object; all of them share the one operator."""
        return self
