"""The context of a reconciliation: the clients, the work queue and the caches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.clients.agent import AgentClient, endpoint_of
from blendersessions.model.errors import NotFound, System
from blendersessions.model.manifest import API_VERSION, SESSION_KIND
from blendersessions_operator.controller.activity import ActivityTracker
from blendersessions_operator.controller.admission_queue import AdmissionQueue
from blendersessions_operator.controller.agent_calls import AgentCalls
from blendersessions_operator.controller.cache import ObjectCache
from blendersessions_operator.controller.claim_queue import ClaimQueue
from blendersessions_operator.controller.event_recorder import EventRecorder
from blendersessions_operator.controller.guacd_health import GuacdHealth
from blendersessions_operator.controller.status_debouncer import StatusDebouncer
from blendersessions_operator.metrics import Metrics
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from blendersessions.clients.agent import AgentEndpoint
    from blendersessions.clients.guacamole.directory import GuacamoleDirectory
    from blendersessions.clients.kubernetes import Kubernetes
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.workqueue import WorkQueue


@dataclass
class ReconcilerContext:
    """The clients, the queue and the caches that all parts of the controller share."""

    kubernetes: Kubernetes
    guacamole: GuacamoleDirectory
    queue: WorkQueue[Ref]
    """Sessions that wait to be reconciled."""
    installation: InstallationDefaults
    namespaces: list[str]
    """Namespaces that are served; empty for all."""
    metrics: Metrics = field(default_factory=Metrics)
    leads: bool = True
    """Whether sessions are enqueued. A standby keeps its cache current, and enqueues all sessions when it leads."""
    pod: Ref | None = None
    """The operator's own pod, for Events that belong to no session; None outside of a cluster."""
    cache: ObjectCache = field(default_factory=ObjectCache)
    agents: AgentClient = field(default_factory=AgentClient)
    guacd: GuacdHealth = field(default_factory=GuacdHealth)
    activity: ActivityTracker = field(default_factory=ActivityTracker)
    debouncer: StatusDebouncer = field(default_factory=StatusDebouncer)
    agent_calls: AgentCalls = field(init=False)
    claims: ClaimQueue = field(init=False)
    admission: AdmissionQueue = field(init=False)
    events: EventRecorder = field(init=False)

    def __post_init__(self) -> None:
        self.agent_calls = AgentCalls(self.agents, self.activity, self.agent_of, self.queue.add)
        self.claims = ClaimQueue(self.cache, self.installation)
        self.admission = AdmissionQueue(self.cache, self.claims)
        self.events = EventRecorder(self.kubernetes, self.pod)
        self.cache.on_session_gone = self._forget

    def _forget(self, session: Session) -> None:
        """Forget a session that is gone, and enqueue the sessions that wait for its capacity or for its volume."""
        self.activity.forget(session.uid)
        self.agent_calls.forget(session.uid)
        self.debouncer.forget(session.uid)
        self.admission.release(session.uid)
        self.admission.left(session)
        self.claims.forget(session)
        if not self.leads:
            return
        for waiting in self.cache.waiting(session.namespace, session.spec.class_name):
            self.queue.add(waiting.ref)
        for other in self.cache.sessions_of_claim(session.namespace, claim_name(session)):
            self.queue.add(other.ref)

    def agent_of(self, session: Session) -> AgentEndpoint:
        """Return the endpoint of the agent in a session's desktop; raises `Unavailable` if it is not known yet."""
        return endpoint_of(*(self.cache.get(session.desktop.ref(kind)) for kind in ("Pod", "Secret")))

    def as_seen(self, session: Session) -> Manifest:
        """Return the manifest to write back. The API server refuses it if the session has changed since it was read.

        Raises:
            NotFound: the session is gone.
        """
        known = self.cache.get(session.ref)
        if known is None:
            raise NotFound(f"{session.ref} is gone.", System.KUBERNETES)
        seen = {"uid": session.uid, "resourceVersion": session.resource_version}
        return known | {"apiVersion": API_VERSION, "kind": SESSION_KIND, "metadata": known["metadata"] | seen}

    async def reread(self, ref: Ref) -> None:
        """Read an object again, and cache its state or its absence; raises the domain errors of the API server."""
        uid = self.cache.uid(ref)
        try:
            self.cache.put({"kind": ref.kind} | await self.kubernetes.get(ref))
        except NotFound:
            if uid:
                self.cache.remove(ref, uid)

    def enqueue_sessions_of(self, username: str) -> None:
        """Enqueue all sessions that let a Guacamole user in."""
        for ref in self.cache.sessions_of_user(username):
            self.queue.add(ref)
