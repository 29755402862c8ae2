"""The pool of a class: desktops that run before anybody asks for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, model_validator

from blendersessions.model.api_model import ApiModel
from blendersessions.model.durations import Duration  # noqa: TC001 - pydantic reads the annotation
from blendersessions.model.fields import number, section, text
from blendersessions.model.labels import POOL
from blendersessions.model.manifest import CLASS_KIND

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

MAX_SIZE: Final = 1000
"""The largest pool."""
LEAST_AGE: Final = timedelta(minutes=10)
"""The shortest `expireAfter`. With one below the time of a start, desktops would be replaced for ever."""
Size = Annotated[int, Field(ge=0, le=MAX_SIZE)]


class PoolSchedule(ApiModel):
    """A size that a pool has from some times on."""

    cron: str = Field(min_length=1, max_length=128)
    """Cron's five fields."""
    time_zone: str = Field(default="UTC", min_length=1, max_length=64)
    size: Size


class WarmPool(ApiModel):
    """How many desktops wait for a session, and what they show."""

    size: Size = 0
    max_size: Size = 50
    scene: str = Field(default="", max_length=128, pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9_.-]*\.blend$")
    """The sample that they show; empty for the empty scene."""
    expire_after: Duration = timedelta(hours=24)
    schedule: tuple[PoolSchedule, ...] = ()

    @model_validator(mode="after")
    def _bounded(self) -> WarmPool:
        largest = max([self.size, *(entry.size for entry in self.schedule)])
        if largest > self.max_size:
            raise ValueError(f"the size {largest} is above maxSize, {self.max_size}: lower it or raise maxSize")
        if self.expire_after < LEAST_AGE:
            raise ValueError("expireAfter must be at least 10m, for each desktop that is replaced costs a whole start")
        return self


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """What the operator last reported of a pool."""

    replicas: int = 0
    """The desktops that nobody has taken, and that are not ending."""
    ready: int = 0
    """Those of them that a session can take."""
    starting: int = 0
    wanted: int = 0
    claims_per_minute: int = 0
    """How many sessions have taken in the last minute."""
    selector: str = ""
    """The labels of their pods."""
    reason: str = ""
    message: str = ""

    def to_manifest(self) -> Manifest:
        """Return it as the API server takes it."""
        fields: Manifest = {
            "replicas": self.replicas,
            "ready": self.ready,
            "starting": self.starting,
            "wanted": self.wanted,
            "claimsPerMinute": self.claims_per_minute,
            "selector": self.selector,
            "reason": self.reason,
            "message": self.message,
        }
        return {name: value for name, value in fields.items() if value != ""}


def parse_pool_status(status: object) -> PoolStatus | None:
    """Read the pool in the status of a class; None if nothing was reported of one."""
    fields = section(section(status).get("warmPool"))
    if not fields:
        return None
    counts = {name: number(fields.get(name)) or 0 for name in ("replicas", "ready", "starting", "wanted")}
    texts = {name: text(fields.get(name)) for name in ("selector", "reason", "message")}
    claims = number(fields.get("claimsPerMinute")) or 0
    return PoolStatus(**counts, claims_per_minute=claims, **texts)  # type: ignore[arg-type]


def pool_of(manifest: Manifest) -> str:
    """Return the name of the class in whose pool a pod waits; empty if a session has taken it, or it is none of ours.

    A session that takes it becomes its controller, in place of the class.
    """
    owners = manifest["metadata"].get("ownerReferences") or ()
    found = (owner.get("name") for owner in owners if owner.get("controller") and owner.get("kind") == CLASS_KIND)
    return str(next(found, "") or "")


def was_of_pool(manifest: Manifest) -> bool:
    """Return whether an object was made for a pool, whoever has it now."""
    return POOL in (manifest["metadata"].get("labels") or {})
