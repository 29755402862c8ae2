"""The context of a reconciliation: the clients, the work queue and the caches."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blendersessions.clients.agent import AgentClient, endpoint_of
from blendersessions.model.errors import NotFound, System
from blendersessions.model.manifest import API_VERSION, SESSION_KIND
from blendersessions_operator.controller.activity import ActivityTracker
from blendersessions_operator.controller.admission_queue import AdmissionQueue
from blendersessions_operator.controller.agent_calls import AgentCalls
from blendersessions_operator.controller.alterations import Alterations
from blendersessions_operator.controller.cache import ObjectCache
from blendersessions_operator.controller.claim_queue import ClaimQueue
from blendersessions_operator.controller.event_recorder import EventRecorder
from blendersessions_operator.controller.guacd_health import GuacdHealth
from blendersessions_operator.controller.openings import Openings
from blendersessions_operator.controller.pools import Pools
from blendersessions_operator.controller.scene_tracker import SceneTracker
from blendersessions_operator.controller.start_refusals import StartRefusals
from blendersessions_operator.controller.status_debouncer import StatusDebouncer
from blendersessions_operator.metrics import Metrics
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from blendersessions.clients.agent import AgentEndpoint
    from blendersessions.clients.guacamole.directory import GuacamoleDirectory
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session
    from blendersessions.model.status import SessionStatus
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
    scenes: SceneTracker = field(default_factory=SceneTracker)
    debouncer: StatusDebouncer = field(default_factory=StatusDebouncer)
    alterations: Alterations = field(default_factory=Alterations)
    agent_calls: AgentCalls = field(init=False)
    refusals: StartRefusals = field(init=False)
    claims: ClaimQueue = field(init=False)
    admission: AdmissionQueue = field(init=False)
    pools: Pools = field(init=False)
    openings: Openings = field(init=False)
    events: EventRecorder = field(init=False)

    def __post_init__(self) -> None:
        self.agent_calls = AgentCalls(self.agents, self.activity, self.scenes, self.agent_of, self.queue.add)
        self.refusals = StartRefusals(self.cache, self.installation)
        self.claims = ClaimQueue(self.cache, self.refusals)
        self.admission = AdmissionQueue(self.cache, self.refusals, self.claims)
        self.pools = Pools(self.cache)
        self.openings = Openings(self.agents, self.agent_of, self.queue.add)
        self.events = EventRecorder(self.kubernetes, self.pod)
        self.cache.on_session_gone = self._forget

    def _forget(self, session: Session) -> None:
        """Forget a session that is gone, and enqueue the sessions that get its capacity or wait for its volume."""
        self.activity.forget(session.uid)
        self.scenes.forget(session.uid)
        self.agent_calls.forget(session.uid)
        self.debouncer.forget(session.uid)
        self.alterations.forget(session.uid)
        self.admission.release(session.uid)
        self.admission.left(session)
        self.claims.forget(session)
        self.refusals.forget(session.uid)
        pool, leaves_room = self.pools.forget(session.uid)
        self.openings.forget(session.uid)
        if not self.leads:
            return
        if pool is not None:
            self.queue.add(pool)
        if leaves_room:
            self.enqueue_pools()
        self.enqueue_waiting()
        for other in self.cache.sessions_of_claim(session.namespace, claim_name(session)):
            self.queue.add(other.ref)

    def agent_of(self, session: Session) -> AgentEndpoint:
        """Return the endpoint of the agent in a session's desktop; raises `Unavailable` if it is not known yet."""
        return endpoint_of(*(self.cache.get(session.desktop.ref(kind)) for kind in ("Pod", "Secret")))

    def enqueue_waiting(self) -> None:
        """Enqueue the sessions that waited for capacity and may run now, or whose queue position changed."""
        for ref in self.admission.outdated(datetime.now(UTC)):
            self.queue.add(ref)

    async def write_status(self, session: Session, status: SessionStatus) -> Manifest:
        """Write the status to the version that was read; return the session as the API server has it.

        Raises:
            NotFound: the session is gone.
            Conflict: the session has changed since it was read.
        """
        self._check_known(session)
        ref = session.ref
        seen = {"uid": session.uid, "resourceVersion": session.resource_version}
        metadata = {"namespace": ref.namespace, "name": ref.name} | seen
        manifest = {"apiVersion": API_VERSION, "kind": SESSION_KIND, "metadata": metadata}
        # It costs the API server less than a patch does.
        return await self.kubernetes.replace(manifest | {"status": status.to_manifest()}, "status")

    async def write_finalizers(self, session: Session, finalizers: list[str]) -> Manifest:
        """Write the finalizers to the version that was read; return the session as the API server has it.

        Raises:
            NotFound: the session is gone.
            Conflict: the session has changed since it was read.
        """
        self._check_known(session)
        # A patch that names a version is refused with a conflict if the object has another one.
        operations: list[Manifest] = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": session.resource_version},
            {"op": "add", "path": "/metadata/finalizers", "value": finalizers},
        ]
        return await self.kubernetes.patch(session.ref, operations)

    def _check_known(self, session: Session) -> None:
        if self.cache.session(session.ref) is None:
            raise NotFound(f"{session.ref} is gone.", System.KUBERNETES)

    async def read(self, ref: Ref) -> Manifest | None:
        """Return an object from the cache, or from the API server if the cache has nothing of it but that it exists."""
        known = self.cache.get(ref)
        if known is not None or not self.cache.knows(ref):
            return known
        try:
            return {"kind": ref.kind} | await self.kubernetes.get(ref)
        except NotFound:
            return None

    async def reread(self, ref: Ref) -> None:
        """Read an object again, and cache its state or its absence; raises the domain errors of the API server."""
        uid = self.cache.uid(ref)
        try:
            self.cache.put({"kind": ref.kind} | await self.kubernetes.get(ref))
        except NotFound:
            if uid:
                self.cache.remove(ref, uid)

    def enqueue_pools(self) -> None:
        """Enqueue all pools, because a session that starts cold finds no room."""
        for key in self.cache.pool_keys():
            self.queue.add(key)

    def enqueue_sessions_of(self, username: str) -> None:
        """Enqueue all sessions that let a Guacamole user in."""
        for ref in self.cache.sessions_of_user(username):
            self.queue.add(ref)
