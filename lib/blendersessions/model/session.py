"""A `BlenderSession` as the operator reads it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, ValidationError, model_validator

from blendersessions.model.api_model import ApiModel
from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.desktop import Desktop
from blendersessions.model.durations import Duration  # noqa: TC001 - pydantic reads the annotation
from blendersessions.model.fields import moment
from blendersessions.model.files import Files, files_in
from blendersessions.model.labels import FINALIZER
from blendersessions.model.manifest import API_VERSION, SESSION_KIND, Manifest, Ref
from blendersessions.model.names import is_generated, name_for
from blendersessions.model.quantities import Quantity  # noqa: TC001 - pydantic reads the annotation
from blendersessions.model.scene import Scene
from blendersessions.model.status import SessionStatus, parse_status

if TYPE_CHECKING:
    from collections.abc import Container

DEFAULT_CLASS: Final = "default"
"""The class of a session that names none. It need not exist."""
DEFAULT_CONNECTIONS: Final = 10
"""Browsers that may be connected at once, if neither the session nor its class says less."""
_WAITING: Final = (
    Reason.WORKSPACE_IN_USE,
    Reason.WORKSPACE_NOT_FOUND,
    Reason.SCENE_NOT_FOUND,
    Reason.CLASS_FILES_NOT_FOUND,
    Reason.AWAITING_UPLOAD,
)
"""Reasons of a condition with which a session waits for a volume, for files of its class, or for a person's file."""
_NOT_STARTING: Final = (ConditionType.READY, ConditionType.SUSPENDED, ConditionType.STALLED)
"""While one of these conditions holds, a session is not starting."""


class Display(ApiModel):
    """The desktop's screen, in pixels and bits per pixel."""

    width: int = Field(default=1280, ge=320, le=3840)
    height: int = Field(default=720, ge=240, le=2160)
    color_depth: Literal[8, 16, 24] = 24
    read_only: bool = False


class Input(ApiModel):
    """Help for a mouse or a keyboard that lacks what Blender asks for. None leaves a preference as it is."""

    emulate_middle_button: bool | None = None
    emulate_numpad: bool | None = None


class Connections(ApiModel):
    """How many browsers may be connected at once. None is left out."""

    max: int | None = Field(default=None, ge=1, le=1000)
    max_per_user: int | None = Field(default=None, ge=1, le=1000)

    @property
    def total(self) -> int:
        """Connections of all users together."""
        return DEFAULT_CONNECTIONS if self.max is None else self.max

    @property
    def per_user(self) -> int:
        """Connections of one user."""
        return self.total if self.max_per_user is None else self.max_per_user

    @model_validator(mode="after")
    def _ordered(self) -> Connections:
        if self.per_user > self.total:
            raise ValueError("maxPerUser must not be above max")
        return self


class Resources(ApiModel):
    """CPU, memory and devices of the Blender container, as in a pod."""

    requests: dict[str, str | int | float] = Field(default_factory=dict)
    limits: dict[str, str | int | float] = Field(default_factory=dict)


class Workspace(ApiModel):
    """The volume of the home folder: one that the operator makes (`size`), or an existing one (`claim_name`)."""

    size: Quantity = ""
    storage_class_name: str | None = None
    claim_name: str = Field(default="", max_length=253)
    reclaim_policy: Literal["Delete", "Retain"] = "Delete"

    @model_validator(mode="after")
    def _one_source(self) -> Workspace:
        if bool(self.size) == bool(self.claim_name):
            raise ValueError("give either size, for a new volume, or claimName, for an existing one")
        return self


class Lifetime(ApiModel):
    """How long the session may run, and what happens then. A field that is left out takes the class's value."""

    max_age: Duration | None = None
    idle_after: Duration | None = None
    on_expiry: Literal["Suspend", "Delete"] | None = None


class Spec(ApiModel):
    """The spec of a session, in the API's fields."""

    class_name: str = Field(default=DEFAULT_CLASS, max_length=63)
    owner: str = Field(default="", max_length=128, pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9._@+-]*$")
    viewers: tuple[Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$")], ...] = ()
    scene: Scene = Scene()
    display: Display = Display()
    input: Input = Input()
    connections: Connections = Connections()
    resources: Resources = Resources()
    workspace: Workspace | None = None
    suspend: bool = False
    replicas: int = Field(default=1, ge=0, le=1)
    lifetime: Lifetime = Lifetime()

    @model_validator(mode="after")
    def _owner_is_no_viewer(self) -> Spec:
        if self.owner in self.viewers:
            raise ValueError("the owner is let in already: take the name off viewers")
        return self

    @model_validator(mode="after")
    def _scene_is_not_in_the_workspace(self) -> Spec:
        claim = self.workspace.claim_name if self.workspace is not None else ""
        if claim and self.scene.volume is not None and self.scene.volume.claim_name == claim:
            raise ValueError("scene.volume must name another claim than workspace: that one is the home folder")
        return self


@dataclass(frozen=True)
class Session:
    """A session: its identity, its spec, and the status that was last reported."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    spec: Spec
    deleted_at: datetime | None = None
    """When the deletion of the session was requested."""
    finalizers: tuple[str, ...] = ()
    status: SessionStatus = field(default_factory=SessionStatus)
    files: Files = Files.LOST
    """What becomes of the files in the home folder at the end."""
    held: bool = False
    """Whether `spec.suspend` is true. Only somebody who may change the session can resume it then."""
    scaled_to_zero: bool = False
    """Whether `spec.replicas` is 0, which a person or an expiry sets by the subresource `scale`."""
    spec_error: str = ""
    """A sentence about a malformed spec that slipped past the API server's schema; empty if there is none. With an
    error, `spec` holds the defaults and must not be carried out."""
    taken: str = ""
    """Name of the pool's desktop that belongs to the session, as its pod says; empty if it has taken none."""

    @property
    def deleting(self) -> bool:
        """Whether the session is being deleted."""
        return self.deleted_at is not None

    @property
    def suspend_requested(self) -> bool:
        """Whether no desktop is wanted for now."""
        return self.held or self.scaled_to_zero

    @property
    def generated_name(self) -> str:
        """Name made from the UID, for the session's own user, its volume claim, and a desktop that is made for it."""
        return name_for(self.uid)

    @property
    def desktop(self) -> Desktop:
        """The desktop in the session's status; without one, the one that it took, or that is made for it."""
        reported = self.status.desktop_name
        return Desktop(self.namespace, reported if is_generated(reported) else self.taken or self.generated_name)

    @property
    def username(self) -> str:
        """Guacamole user who may open the session: the owner, or a user made for this session alone."""
        return self.spec.owner or self.generated_name

    @property
    def is_starting(self) -> bool:
        """Whether the session is on its way to `Ready`, and waits for no capacity, no volume and no person's file."""
        missing = {entry.reason for entry in self.status.conditions if not entry.holds}
        waits = self.status.queue is not None or not missing.isdisjoint(_WAITING)
        if self.deleting or self.suspend_requested or waits:
            return False
        return not any(self.status.holds(kind) for kind in _NOT_STARTING)

    def without_viewers(self, refused: Container[str]) -> Session:
        """Return the session as if its spec did not name these viewers."""
        viewers = tuple(viewer for viewer in self.spec.viewers if viewer not in refused)
        if viewers == self.spec.viewers:
            return self
        return replace(self, spec=self.spec.model_copy(update={"viewers": viewers}))

    @property
    def has_finalizer(self) -> bool:
        """Whether our finalizer keeps the session."""
        return FINALIZER in self.finalizers

    @property
    def ref(self) -> Ref:
        """Where the session is."""
        return Ref(SESSION_KIND, self.namespace, self.name)


def parse_session(body: Manifest) -> Session:
    """Read a session from its manifest. A malformed spec is reported in `spec_error`, not raised."""
    meta, wanted = body["metadata"], body.get("spec") or {}
    # What a malformed spec must not hide is read from the manifest itself: the workspace, and a request to suspend.
    given = wanted if isinstance(wanted, dict) else {}
    held, scaled_to_zero = bool(given.get("suspend")), given.get("replicas") == 0
    generation, status = meta.get("generation", 1), parse_status(body.get("status"))
    suspension = status.suspension
    if suspension is not None and suspension.generation != generation and not held and not scaled_to_zero:
        # It was resumed. The times of the former run are over, even if nobody saw that the session was suspended.
        status = replace(status, started_at=None, ready_at=None, startup=None, activity=None)
    spec, error = Spec(), ""
    try:
        spec = Spec.model_validate(wanted)
    except ValidationError as invalid:
        error = explain(invalid)
    return Session(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta.get("resourceVersion", ""),
        generation=generation,
        created_at=datetime.fromisoformat(meta["creationTimestamp"]).astimezone(UTC),
        spec=spec,
        deleted_at=moment(meta.get("deletionTimestamp")),
        finalizers=tuple(meta.get("finalizers") or ()),
        status=status,
        files=files_in(given.get("workspace")),
        held=held,
        scaled_to_zero=scaled_to_zero,
        spec_error=error,
    )


def owner_reference(session: Session, *, controller: bool) -> Manifest:
    """Return the owner reference that has an object deleted together with the session."""
    reference: Manifest = {
        "apiVersion": API_VERSION,
        "kind": SESSION_KIND,
        "name": session.name,
        "uid": session.uid,
    }
    return reference | {"controller": True, "blockOwnerDeletion": True} if controller else reference


def explain(invalid: ValidationError) -> str:
    """Return what is wrong with a spec, in sentences for users."""
    faults = ("spec" + "".join(f".{step}" for step in fault["loc"]) + f": {fault['msg']}" for fault in invalid.errors())
    return "The spec is malformed. " + "; ".join(faults) + ". Correct it with kubectl edit."
