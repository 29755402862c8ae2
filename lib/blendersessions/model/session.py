"""A `BlenderSession` as the operator reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from blendersessions.model.conditions import ConditionType
from blendersessions.model.desktop import Desktop
from blendersessions.model.durations import Duration  # noqa: TC001 - pydantic reads the annotation
from blendersessions.model.labels import FINALIZER
from blendersessions.model.manifest import API_VERSION, SESSION_KIND, Manifest, Ref
from blendersessions.model.names import is_generated, name_for
from blendersessions.model.status import SessionStatus, parse_status
from blendersessions.model.suspension import RESUME, suspend_requested

DEFAULT_CLASS: Final = "default"
"""The class of a session that names none; it need not exist."""
_NOT_STARTING: Final = (ConditionType.READY, ConditionType.SUSPENDED, ConditionType.STALLED)
"""While one of these holds, a session is not on its way to being opened."""


class ApiModel(BaseModel):
    """A part of an object, read as the API server writes it."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Scene(ApiModel):
    """What Blender opens; no sample is the empty scene."""

    sample: str = Field(default="", max_length=128, pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9_.-]*\.blend$")


class Display(ApiModel):
    """The desktop's screen, in pixels and bits per pixel."""

    width: int = Field(default=1280, ge=320, le=3840)
    height: int = Field(default=720, ge=240, le=2160)
    color_depth: Literal[8, 16, 24] = 24
    read_only: bool = False


class Connections(ApiModel):
    """How many browsers may be connected at once; `max_per_user` left out means as many as `max`."""

    max: int = Field(default=10, ge=1, le=1000)
    max_per_user: int | None = Field(default=None, ge=1, le=1000)

    @model_validator(mode="after")
    def _ordered(self) -> Connections:
        if self.max_per_user is not None and self.max_per_user > self.max:
            raise ValueError("maxPerUser must not be above max")
        return self


class Resources(ApiModel):
    """CPU, memory and devices of the Blender container, as in a pod."""

    requests: dict[str, str | int | float] = Field(default_factory=dict)
    limits: dict[str, str | int | float] = Field(default_factory=dict)


class Workspace(ApiModel):
    """The volume that the home is on: one that is made (`size`), or one that the person names (`claim_name`)."""

    size: str = ""
    storage_class_name: str | None = None
    claim_name: str = Field(default="", max_length=253)
    reclaim_policy: Literal["Delete", "Retain"] = "Delete"

    @model_validator(mode="after")
    def _one_source(self) -> Workspace:
        if bool(self.size) == bool(self.claim_name):
            raise ValueError("give either size, for a volume that is made, or claimName, for one that there is")
        return self


class Lifetime(ApiModel):
    """How long the session may run, and what happens then; what is left out is the class's."""

    max_age: Duration | None = None
    idle_after: Duration | None = None
    on_expiry: Literal["Suspend", "Delete"] | None = None


class Spec(ApiModel):
    """What is wanted."""

    class_name: str = Field(default=DEFAULT_CLASS, max_length=63)
    owner: str = Field(default="", max_length=128, pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9._@+-]*$")
    viewers: tuple[Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$")], ...] = ()
    scene: Scene = Scene()
    display: Display = Display()
    connections: Connections = Connections()
    resources: Resources = Resources()
    workspace: Workspace | None = None
    suspend: bool = False
    lifetime: Lifetime = Lifetime()

    @model_validator(mode="after")
    def _owner_looks_anyway(self) -> Spec:
        if self.owner in self.viewers:
            raise ValueError("the owner is let in already: take the name off viewers")
        return self


@dataclass(frozen=True)
class Session:
    """A session: its identity, what is wanted (`spec`), and what was last reported (`status`).

    `spec_error` says in a sentence what is wrong with a spec that slipped past the API server's schema; `spec` then
    holds the defaults, and must not be acted upon.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    spec: Spec
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    annotations: dict[str, str] = field(default_factory=dict)
    status: SessionStatus = field(default_factory=SessionStatus)
    suspend_requested: bool = False
    """Whether it is to be suspended, by the spec or by an expiry, and nobody has asked for it back."""
    spec_error: str = ""

    @property
    def generated_name(self) -> str:
        """Name made from the UID: of the session's own user and volume claim, and of a desktop that is made for it."""
        return name_for(self.uid)

    @property
    def desktop(self) -> Desktop:
        """The desktop that the session has, as its status says; without one, the desktop that is made for it."""
        reported = self.status.desktop_name
        return Desktop(self.namespace, reported if is_generated(reported) else self.generated_name)

    @property
    def username(self) -> str:
        """Guacamole user who may open it: the owner, or a user of the session's own."""
        return self.spec.owner or self.generated_name

    @property
    def is_starting(self) -> bool:
        """Whether somebody waits for it to open, and it does not wait for others."""
        if self.deleting or self.suspend_requested or self.status.queue is not None:
            return False
        return not any(self.status.holds(kind) for kind in _NOT_STARTING)

    @property
    def has_finalizer(self) -> bool:
        """Whether the session cannot go before we let it."""
        return FINALIZER in self.finalizers

    @property
    def ref(self) -> Ref:
        """Where the session is."""
        return Ref(SESSION_KIND, self.namespace, self.name)


def parse_session(body: Manifest) -> Session:
    """Read a session from the API server's object; a malformed spec is reported in `spec_error`, not raised."""
    meta, wanted, status = body["metadata"], body.get("spec") or {}, parse_status(body.get("status"))
    annotations = meta.get("annotations") or {}
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
        generation=meta.get("generation", 1),
        created_at=datetime.fromisoformat(meta["creationTimestamp"]).astimezone(UTC),
        spec=spec,
        deleting=bool(meta.get("deletionTimestamp")),
        finalizers=tuple(meta.get("finalizers") or ()),
        annotations=annotations,
        status=status,
        suspend_requested=suspend_requested(
            # From the object itself: what else is malformed in the spec does not take the request back.
            by_spec=isinstance(wanted, dict) and bool(wanted.get("suspend")),
            suspension=status.suspension,
            resume=annotations.get(RESUME, ""),
        ),
        spec_error=error,
    )


def owner_reference(session: Session, *, controller: bool) -> Manifest:
    """Refer to the session as the owner of an object, so that the object goes when the session does."""
    reference: Manifest = {
        "apiVersion": API_VERSION,
        "kind": SESSION_KIND,
        "name": session.name,
        "uid": session.uid,
    }
    return reference | {"controller": True, "blockOwnerDeletion": True} if controller else reference


def explain(invalid: ValidationError) -> str:
    """Say what is wrong with a spec, in a sentence."""
    faults = ("spec" + "".join(f".{step}" for step in fault["loc"]) + f": {fault['msg']}" for fault in invalid.errors())
    return "The spec is malformed. " + "; ".join(faults) + ". Correct it with kubectl edit."
