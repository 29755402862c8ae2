"""The observed state of a session, from which plan and status are computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.access import AccessView
from blendersessions.model.manifest import Manifest, controller_uid
from blendersessions.model.secret_data import decode
from blendersessions.model.warm_pool import was_of_pool
from blendersessions_operator.planning.lifetime import Activity, LifetimeDecision, evaluate_lifetime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.errors import DomainError
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.manifest import Ref
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import SessionClass
    from blendersessions_operator.planning.endings import Explanation
    from blendersessions_operator.planning.opening import Opening
    from blendersessions_operator.planning.save_progress import SaveProgress
    from blendersessions_operator.planning.scene_report import SceneReport
    from blendersessions_operator.planning.steps import Area


@dataclass(frozen=True)
class Offer:
    """A desktop of a pool, as it was seen."""

    pod: Manifest
    secret: Manifest


@dataclass(frozen=True)
class Observed:
    """The last known state around one session. It may be stale, so no step that follows from it may do harm."""

    installation: InstallationDefaults
    now: datetime
    settings: EffectiveSettings | None
    """The session's effective settings; None while its class does not exist."""
    class_error: str = ""
    """What is wrong with the class; empty if nothing is."""
    position: int | None = None
    """The session's queue position, counted from 1; None if it may run."""
    claim_holder: Ref | None = None
    """What has the volume of the session's workspace, for which the session waits; None if the volume is free or is the
    session's."""
    claim_refusal: Explanation | None = None
    """Why a claim that the session names does not let it start; None if each does, or none is named."""
    secret: Manifest | None = None
    service: Manifest | None = None
    pod: Manifest | None = None
    volume_claim: Manifest | None = None
    policies: Mapping[str, Manifest] = field(default_factory=dict)
    """By name: the network policies of desktops in the namespace."""
    user_secrets: Mapping[str, Manifest] = field(default_factory=dict)
    """By the user's name: the Secrets of all users whom the session lets in."""
    offer: Offer | None = None
    """The desktop of a pool that the session may take; None if there is none for it."""
    cold_because: Explanation | None = None
    """Why the session was offered none when it began to start, if that was decided since the operator's own start."""
    opening: Opening | None = None
    """How far the desktop that it took is with its scene; None if it was not asked to open it."""
    surplus: tuple[Manifest, ...] = ()
    """Pods of the session besides the one of its desktop."""
    access: AccessView = field(default_factory=AccessView)
    guacd_error: str = ""
    """What a person is told while guacd does not answer; empty if it does, or is not checked."""
    activity: Activity = field(default_factory=Activity)
    asking: bool = False
    """Whether the agent is being asked for its state. The session is enqueued when that has ended."""
    silent_at: datetime | None = None
    """When the agent last gave no answer, if it has given none since."""
    scene: SceneReport | None = None
    """What the agent of the session's pod last said of its scene; None before its first answer."""
    classes: tuple[SessionClass, ...] = ()
    """The other classes of the namespace, if a message names some of them; else empty."""
    save: SaveProgress | None = None
    """The attempts to save what the pod has, for the current suspension or deletion; None before the first."""
    users: int = 0
    """Browsers that are connected."""
    warned_of: datetime | None = None
    """The expiry that the last warning announced."""
    failures: Mapping[Area, DomainError] = field(default_factory=dict)
    """The failures of this reconciliation by area. Nothing more is tried in these areas until the next one."""

    @property
    def may_start(self) -> bool:
        """Whether a desktop may be made for the session."""
        if self.settings is None or self.class_error or self.refusals or self.claim_refusal is not None:
            return False
        return not self.waits

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why the class refuses to start the session; empty if it does not. A volume that there is keeps nobody out."""
        if self.settings is None:
            return ()
        if self.settings.volume_refusal and self.volume_claim is None:
            again = "create the session again with less, or have an administrator raise workspace.maxSize of the class."
            return (*self.settings.refusals, f"{self.settings.volume_refusal}: {again}")
        return self.settings.refusals

    @property
    def waits(self) -> bool:
        """Whether the session waits for others: for capacity of its class, or for its volume."""
        return self.position is not None or self.claim_holder is not None

    @property
    def lifetime(self) -> LifetimeDecision:
        """The decision about the session's lifetime."""
        if self.settings is None:
            return evaluate_lifetime(None, None, self.activity, self.now)
        return evaluate_lifetime(self.settings.max_age, self.settings.idle_after, self.activity, self.now)


def owned(manifest: Manifest, session: Session) -> bool:
    """Return whether the session controls the object."""
    return controller_uid(manifest) == session.uid


def own_pod(session: Session, observed: Observed) -> Manifest | None:
    """Return the session's pod; None if it has none, or if the pod of that name is not the session's."""
    return observed.pod if observed.pod is not None and owned(observed.pod, session) else None


def belongs_to(manifest: Manifest, pod: Manifest) -> bool:
    """Return whether an object was made for this pod, and goes with it."""
    return bool(controller_uid(manifest) == pod["metadata"]["uid"])


def is_of_desktop(manifest: Manifest, session: Session, observed: Observed) -> bool:
    """Return whether an object is the session's, or goes with the pod that the session has taken from a pool."""
    pod = own_pod(session, observed)
    return owned(manifest, session) or (pod is not None and belongs_to(manifest, pod))


def is_new_claim(session: Session, observed: Observed) -> bool:
    """Return whether the session has taken a pool's desktop, and was never ready with it.

    The pod tells that when the session has become ready, and the desktop's Secret, which the session takes over then.
    The status alone does not: a suspension clears it, also one that is taken back before the pod has gone.
    """
    pod = own_pod(session, observed)
    if pod is None or not was_of_pool(pod) or was_shown(pod) or session.status.ready_at is not None:
        return False
    return observed.secret is not None and belongs_to(observed.secret, pod)


def was_shown(pod: Manifest) -> bool:
    """Return whether a session was ready with a pod that it had taken from a pool."""
    return bool((pod["metadata"].get("annotations") or {}).get(labels.SHOWN))


def record_of_granted(session: Session, observed: Observed) -> Manifest | None:
    """Return what has the record of the users who may have a grant; None if nothing has.

    It is the desktop's Secret, or the pod that was taken from a pool until the session has the Secret too.
    """
    if observed.secret is None or not is_of_desktop(observed.secret, session, observed):
        return None
    return observed.secret if owned(observed.secret, session) else own_pod(session, observed)


def granted_before(session: Session, observed: Observed) -> tuple[str, ...]:
    """Return the users who may have a grant, from the record of them."""
    holder = record_of_granted(session, observed)
    if holder is None:
        return ()
    record = str((holder["metadata"].get("annotations") or {}).get(labels.GRANTED, ""))
    return tuple(name for name in record.split(",") if name)


def is_user_secret(manifest: Manifest, username: str) -> bool:
    """Return whether a Secret of the right name is one that we made for this user."""
    marked = (manifest["metadata"].get("labels") or {}).get(labels.SECRET) == labels.SECRET_USER
    return marked and decode(manifest, "username") == username


def own_volume_claim(session: Session, observed: Observed) -> Manifest | None:
    """Return the claim that was made for the session, by its label: a retained claim has no owner reference."""
    claim = observed.volume_claim
    if claim is None or (claim["metadata"].get("labels") or {}).get(labels.SESSION_UID) != session.uid:
        return None
    return claim


def not_owned(session: Session, observed: Observed) -> list[Manifest]:
    """Return the objects that have a name of ours and are not ours."""
    children = (observed.secret, observed.service, observed.pod)
    others = [child for child in children if child is not None and not owned(child, session)]
    if session.desktop.name != session.generated_name:
        # What was made for a pool goes with its pod until the session takes it over.
        others = [child for child in others if not was_of_pool(child)]
    others += [secret for name, secret in observed.user_secrets.items() if not is_user_secret(secret, name)]
    if observed.volume_claim is not None and own_volume_claim(session, observed) is None:
        others.append(observed.volume_claim)
    return others
