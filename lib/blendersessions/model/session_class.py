"""A `BlenderSessionClass` as the operator reads it: an administrator's profile for the sessions of a namespace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from blendersessions.model.api_model import ApiModel
from blendersessions.model.class_files import ClassFile, ClassSource, Extensions, class_sources
from blendersessions.model.durations import Duration, write
from blendersessions.model.quantities import NATIVE, Quantity, quantity
from blendersessions.model.session import DEFAULT_CLASS, Input, Lifetime, Resources, explain
from blendersessions.model.warm_pool import PoolStatus, WarmPool, parse_pool_status

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


class ClassResources(Resources):
    """Defaults of the Blender container, and the largest amounts that a session may request. Zero is no device."""

    max: dict[str, str | int | float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _maximum_bounds(self) -> ClassResources:
        for name in NATIVE:
            if name in self.max and quantity(self.max[name]) <= 0:
                raise ValueError(f"max.{name} must be above zero: Kubernetes takes a limit of zero as no limit")
        return self


class Ceiling(ApiModel):
    """The longest times that a session may request."""

    max_age: Duration | None = None
    idle_after: Duration | None = None


class ClassLifetime(Lifetime):
    """Default times, and ceilings for the times that a session requests."""

    # A class serves sessions with and without a workspace, so it has one value more than a session.
    on_expiry: Literal["Suspend", "Delete", "Auto"] | None = None  # type: ignore[assignment]
    ceiling: Ceiling = Ceiling()

    @model_validator(mode="after")
    def _defaults_below_ceiling(self) -> ClassLifetime:
        for name, value, longest in (
            ("maxAge", self.max_age, self.ceiling.max_age),
            ("idleAfter", self.idle_after, self.ceiling.idle_after),
        ):
            if value is not None and longest is not None and value > longest:
                raise ValueError(f"{name} is {write(value)}, above its ceiling of {write(longest)}")
        return self


class Saving(ApiModel):
    """How long a save may take, and how long a stop waits for work that goes on."""

    timeout: Duration = timedelta(seconds=90)
    """The longest time that one save may take; also the grace period of the pod."""
    wait_for_work: Duration = timedelta(minutes=10)
    """How long a suspension or a deletion waits for a running operation before it stops the pod all the same."""


class Limits(ApiModel):
    """How many sessions of the class may run at a time, and how many people may be in each. None: no limit."""

    sessions: int | None = Field(default=None, ge=1)
    sessions_per_owner: int | None = Field(default=None, ge=1)
    viewers: int | None = Field(default=None, ge=0, le=64)
    connections: int | None = Field(default=None, ge=1, le=1000)
    connections_per_user: int | None = Field(default=None, ge=1, le=1000)


class ClassWorkspace(ApiModel):
    """The bound of the volumes that are made for sessions."""

    max_size: Quantity = ""


class Transfer(ApiModel):
    """Whether files go in and out of the desktops, how large they may be, and how long a scene may take to come."""

    upload: bool = True
    download: bool = True
    max_bytes: int = Field(default=2 * 1024**3, ge=1, le=1024**4)
    """The largest file. An archive that goes out may be larger."""
    fetch_timeout: Duration = timedelta(minutes=10)
    """The longest time that a URL may take."""
    upload_deadline: Duration = timedelta(hours=1)
    """How long a session waits for its upload."""
    ca_config_map: str = Field(default="", max_length=253)
    """A ConfigMap in the session's namespace with `ca.crt`, which is trusted besides public authorities."""


class PullSecret(ApiModel):
    """A Secret in the session's namespace, with the account of an image registry."""

    name: str = Field(min_length=1, max_length=253)


Pattern = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9._@+*-]+$")]
"""A user name, in which `*` stands for any characters, also for none."""


class ClassSpec(ApiModel):
    """The spec of a class, in the API's fields."""

    image: str = ""
    resources: ClassResources = ClassResources()
    lifetime: ClassLifetime = ClassLifetime()
    limits: Limits = Limits()
    owners: tuple[Pattern, ...] | None = None
    """Who may own a session of the class. None: anybody, and nobody."""
    viewers: tuple[Pattern, ...] | None = None
    """Who may view a session of the class. None: anybody."""
    workspace: ClassWorkspace = ClassWorkspace()
    saving: Saving = Saving()
    start_deadline: Duration = timedelta(minutes=10)
    input: Input = Input()
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    affinity: dict[str, Any] = Field(default_factory=dict)
    runtime_class_name: str = ""
    egress: Literal["None", "Public"] = "None"
    transfer: Transfer = Transfer()
    blender_version: str = Field(default="", max_length=16, pattern=r"^$|^[0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9]{1,3})?$")
    """The version of the image's Blender, as the administrator says it; empty if that is not said."""
    image_pull_secrets: tuple[PullSecret, ...] = ()
    extensions: Extensions | None = None
    startup_file: ClassFile | None = None
    preferences: ClassFile | None = None
    warm_pool: WarmPool | None = None

    @property
    def files(self) -> tuple[ClassSource, ...]:
        """Where the class has what it brings into its desktops besides the image; empty if it brings nothing."""
        return class_sources(self.extensions, self.startup_file, self.preferences)


@dataclass(frozen=True)
class SessionClass:
    """A class: its identity and its spec."""

    namespace: str
    name: str
    spec: ClassSpec
    spec_error: str = ""
    """A sentence about a malformed spec that slipped past the API server's schema; empty if there is none."""
    uid: str = ""
    """Empty for the built-in class, which has no pool."""
    resource_version: str = ""
    deleting: bool = False
    pool_status: PoolStatus | None = None
    """What was last reported of its pool; None before the first report."""

    @property
    def without_status(self) -> SessionClass:
        """The class without what the operator itself writes."""
        return replace(self, resource_version="", pool_status=None)


def parse_session_class(body: Manifest) -> SessionClass:
    """Read a class from its manifest. A malformed spec is reported in `spec_error`, not raised."""
    meta = body["metadata"]
    spec, error = ClassSpec(), ""
    try:
        spec = ClassSpec.model_validate(body.get("spec") or {})
    except ValidationError as invalid:
        error = explain(invalid)
    return SessionClass(
        namespace=meta["namespace"],
        name=meta["name"],
        spec=spec,
        spec_error=error,
        uid=meta.get("uid", ""),
        resource_version=meta.get("resourceVersion", ""),
        deleting=bool(meta.get("deletionTimestamp")),
        pool_status=parse_pool_status(body.get("status")),
    )


@lru_cache
def built_in(namespace: str) -> SessionClass:
    """Return the class that holds in a namespace without a class of the name `default`."""
    return SessionClass(namespace, DEFAULT_CLASS, ClassSpec())
