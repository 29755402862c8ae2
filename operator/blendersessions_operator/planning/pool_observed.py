"""What is known of one pool, and what state each of its desktops is in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from blendersessions.model.access import AccessView, SessionAccess
from blendersessions.model.container import AGENT_TOKEN, VNC_PASSWORD
from blendersessions.model.fields import moment
from blendersessions.model.manifest import Ref
from blendersessions.model.secret_data import decode
from blendersessions_operator.planning import podstate
from blendersessions_operator.planning.observed import belongs_to
from blendersessions_operator.planning.pool_size import wanted_size
from blendersessions_operator.resources.pod import outdated
from blendersessions_operator.resources.pool_desktop import desktop_of_pod, pool_labels, typical_session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.errors import DomainError
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session_class import SessionClass
    from blendersessions.model.warm_pool import WarmPool
    from blendersessions_operator.planning.room import RoomWanted
    from blendersessions_operator.planning.steps import Area

DEFAULT_START_DEADLINE: Final = timedelta(minutes=10)


class MemberState(StrEnum):
    """What a desktop of a pool is good for."""

    READY = "Ready"
    """A session can take it."""
    EXPIRED = "Expired"
    """A session can take it, and it is older than the class wants."""
    STARTING = "Starting"
    FAILED = "Failed"
    """It did not start, or ended. It is replaced after a while."""
    UNFIT = "Unfit"
    """It was made by former settings, its node goes, or somebody has looked into it. It is removed at once."""
    LEAVING = "Leaving"
    """It is being deleted."""


@dataclass(frozen=True)
class PoolMember:
    """A desktop that waits in a pool, or is on its way there. Without its pod it does not exist."""

    pod: Manifest
    secret: Manifest | None = None
    service: Manifest | None = None
    access: AccessView = field(default_factory=AccessView)
    outdated: bool = False
    """Whether it was made by former settings of the class."""
    opened: bool = False
    """Whether somebody has looked into it, although nobody has taken it."""

    @property
    def name(self) -> str:
        """The desktop's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def ref(self) -> Ref:
        """Where its pod is."""
        return Ref("Pod", self.pod["metadata"]["namespace"], self.name)

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the scene on its screen may still be missing."""
        return self.has_secret and self.service is not None and self.name in self.access.connections

    @property
    def has_secret(self) -> bool:
        """Whether it has its passwords, in a Secret that goes with its pod."""
        if self.secret is None or not belongs_to(self.secret, self.pod):
            return False
        return all(decode(self.secret, key) for key in (VNC_PASSWORD, AGENT_TOKEN))


@dataclass(frozen=True)
class PoolObserved:
    """The last known state of one pool. It may be stale, so that each removal names the version that was seen."""

    now: datetime
    namespace: str
    installation: InstallationDefaults
    session_class: SessionClass | None
    """None if the class is gone."""
    settings: EffectiveSettings | None = None
    """What a session gets that asks for nothing of its own; None if the class is gone."""
    members: tuple[PoolMember, ...] = ()
    departed: Mapping[str, AccessView] = field(default_factory=dict)
    """By name: what desktops have in Guacamole whose pods are gone, and that no session has taken."""
    policies: Mapping[str, Manifest] = field(default_factory=dict)
    strays: tuple[tuple[Ref, str], ...] = ()
    """Pods of the pool, and their UIDs, that the watch lost sight of because their label changed."""
    claims_waiting: bool = False
    """Whether sessions of the class are about to take a desktop, or to start one."""
    wanting: tuple[RoomWanted, ...] = ()
    """The sessions that start cold and find no room now, for which a desktop less could make some."""
    claims: int = 0
    """How many desktops sessions have taken in the last minute."""
    last_claim: datetime | None = None
    """When a session last took one, if that was in the last minute."""
    refused_until: datetime | None = None
    """Until when no desktop is tried, because the API server refused the last one; None if one may be tried."""
    refusal: str = ""
    """What it said."""
    failures: Mapping[Area, DomainError] = field(default_factory=dict)

    @property
    def pool(self) -> WarmPool | None:
        """The pool that the class wants; None if it wants none, or is going."""
        of = self.session_class
        return None if of is None or of.deleting else of.spec.warm_pool

    @property
    def wanted(self) -> int:
        """How many desktops should wait."""
        return wanted_size(self.pool, self.now) if self.pool is not None else 0

    @property
    def is_known(self) -> bool:
        """Whether the class can be read. What cannot be read must not empty the pool."""
        return self.session_class is None or not self.session_class.spec_error


def state_of(member: PoolMember, observed: PoolObserved) -> MemberState:
    """Return the state of a desktop that no session has taken."""
    pod = member.pod
    if pod["metadata"].get("deletionTimestamp"):
        return MemberState.LEAVING
    if member.outdated or observed.settings is None:
        return MemberState.UNFIT
    if podstate.has_ended(pod) or podstate.is_failing(pod):
        return MemberState.FAILED
    # Whoever makes the Secret again makes other passwords than the desktop has read.
    has_lost_secret = podstate.is_running(pod) and not member.has_secret
    # What somebody has left behind is not for the person who takes the desktop.
    was_opened = member.opened or member.access.grants
    # A session could not tell a connection that leads elsewhere from another's of that name.
    own = own_connections(member.name, observed.namespace, member.access)
    if is_uncertain(pod) or has_lost_secret or was_opened or len(own) < len(member.access.connections):
        return MemberState.UNFIT
    if any(podstate.ends(pod)):
        # Nor is what such an end has left behind.
        return MemberState.FAILED
    age = age_of(member, observed)
    if not podstate.is_ready(pod) or not member.is_complete:
        late = age >= start_deadline_of(observed) and not podstate.is_ready(pod)
        return MemberState.FAILED if late else MemberState.STARTING
    pool = observed.pool
    return MemberState.EXPIRED if pool is not None and age >= pool.expire_after else MemberState.READY


def age_of(member: PoolMember, observed: PoolObserved) -> timedelta:
    """Return how old a desktop is; zero if the clock was set back since."""
    created = moment(member.pod["metadata"].get("creationTimestamp"))
    return max(timedelta(), observed.now - created) if created is not None else timedelta()


def failed_since(member: PoolMember, observed: PoolObserved) -> datetime:
    """Return since when a desktop has failed: since its end, or since its time to start was over."""
    pod = member.pod
    created = moment(pod["metadata"].get("creationTimestamp")) or observed.now
    ended = moment(next(podstate.ends(pod), {}).get("finishedAt"))
    if ended is None and not podstate.has_ended(pod):
        return created + start_deadline_of(observed)
    # A container that fails again and again has a new end each time, and is not ready since the first one.
    unready = None if podstate.is_ready(pod) else moment(podstate.condition(pod, "Ready").get("lastTransitionTime"))
    return unready or ended or created


def access_of(name: str, namespace: str) -> SessionAccess:
    """Return how a desktop of a pool is known in Guacamole. Nobody is let in."""
    desktop = desktop_of_pod({"metadata": {"name": name, "namespace": namespace}})
    return SessionAccess(connections=desktop.connections, hostname=desktop.hostname, namespace=namespace)


def own_connections(name: str, namespace: str, access: AccessView) -> list[str]:
    """Return the connections of a desktop as far as is known: somebody may have led one of its name elsewhere."""
    hostname = access_of(name, namespace).hostname
    found = sorted(access.connections.items())
    return [key for key, record in found if record.parameters is None or record.leads_to(hostname)]


def is_uncertain(pod: Manifest) -> bool:
    """Return whether a pod may soon be gone although nobody deletes it: its node is drained, or does not answer."""
    return podstate.is_cut_off(pod) or podstate.condition(pod, "DisruptionTarget").get("status") == "True"


def is_outdated(pod: Manifest, session_class: SessionClass, settings: EffectiveSettings) -> bool:
    """Return whether a pod that waits was made by former settings of its class."""
    return outdated(pod, desktop_of_pod(pod), typical_session(session_class), settings)


def has_labels(pod: Manifest, session_class: SessionClass, settings: EffectiveSettings) -> bool:
    """Return whether a pod that waits has the labels by which policies and pools find it."""
    wanted = pool_labels(desktop_of_pod(pod), session_class, settings)
    return wanted.items() <= (pod["metadata"].get("labels") or {}).items()


def start_deadline_of(observed: PoolObserved) -> timedelta:
    """Return how long a desktop may take to start."""
    settings = observed.settings
    return settings.start_deadline if settings is not None and settings.start_deadline else DEFAULT_START_DEADLINE
