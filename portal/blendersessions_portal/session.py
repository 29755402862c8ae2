"""A `BlenderSession` as the portal sees it: read from the API's object, and written as a new one. Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

from blendersessions.model import suspension
from blendersessions.model.conditions import READY, STALLED, Condition
from blendersessions.model.manifest import API_VERSION, SESSION_KIND, Manifest
from blendersessions.model.names import ALPHABET
from blendersessions.model.session import parse_session

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER_HASH_LABEL = "blendersessions.io/owner-hash"
"""Label on sessions that the portal makes: the owner's hash, since an owner's name may be no valid label value."""

SUSPENDED = "Suspended"
"""Condition and phase of a session whose desktop was saved and stopped."""

_NAME_STEM_LIMIT = 40
_RANDOM_CHARACTERS = 5


class Files(Enum):
    """What becomes of the files that a person made."""

    LOST = "lost with the desktop"
    DELETED = "deleted with the session"
    KEPT = "kept"


@dataclass(frozen=True)
class Activity:
    """What keeps a session alive, in the operator's word, and when and why it would end; None: not by itself."""

    kept_alive_by: str = ""
    expires_at: datetime | None = None
    expiry_reason: str = ""


@dataclass(frozen=True)
class Session:
    """What the pages need to know of one session.

    Attributes:
        changed: when one of the conditions last became true or false; None: never.
        suspend_requested: a person or its lifetime suspends it, and nobody has resumed it since.
        queue_position: its place among those that wait for a limit, from 1; 0 while it does not wait.
        suspended_for: why it was suspended, as the operator says in one word; empty if it is not.
    """

    name: str
    uid: str
    owner: str
    sample: str
    created: datetime
    ending: bool = False
    phase: str = ""
    client_url: str = ""
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    changed: datetime | None = None
    suspend_requested: bool = False
    queue_position: int = 0
    files: Files = Files.LOST
    activity: Activity = Activity()
    suspended_for: str = ""

    def holds(self, condition: str) -> bool:
        """Whether that condition is there and true."""
        found = self.conditions.get(condition)
        return found is not None and found.holds

    @property
    def failed(self) -> bool:
        """Whether waiting longer is of no use."""
        return not self.ending and (self.phase == "Failed" or self.holds(STALLED))

    @property
    def suspended(self) -> bool:
        """Whether Blender was stopped, and starts again when somebody asks for it."""
        return self.live and self.suspend_requested and (self.holds(SUSPENDED) or self.phase == SUSPENDED)

    @property
    def suspending(self) -> bool:
        """Whether Blender is being saved and stopped."""
        return self.live and not self.suspended and (self.suspend_requested or self.phase == "Suspending")

    @property
    def ready(self) -> bool:
        """Whether opening it works."""
        return self.live and not self.suspend_requested and self.holds(READY) and bool(self.client_url)

    @property
    def can_suspend(self) -> bool:
        """Whether suspending it keeps what was made."""
        return self.live and not self.suspend_requested and self.files is not Files.LOST

    @property
    def live(self) -> bool:
        """Whether it works, or may still come to, by itself or when it is resumed."""
        return not self.ending and not self.failed


def read_session(body: Manifest) -> Session:
    """Read a session from the API's object."""
    parsed = parse_session(body)
    status = parsed.status
    return Session(
        name=parsed.name,
        uid=parsed.uid,
        # From the object itself: the model falls back to an empty owner when something else in the spec is malformed.
        owner=str((body.get("spec") or {}).get("owner", "")),
        sample=parsed.spec.scene.sample,
        created=parsed.created_at,
        ending=parsed.deleting,
        phase=str(status.get("phase", "")),
        client_url=str(status.get("clientURL", "")),
        conditions={
            entry["type"]: Condition(entry["type"], entry["status"], entry.get("reason", ""), entry.get("message", ""))
            for entry in status.get("conditions") or ()
        },
        changed=max((_moment(entry["lastTransitionTime"]) for entry in _stamped(status)), default=None),
        suspend_requested=suspension.suspend_requested(body),
        queue_position=int(status.get("queuePosition") or 0),
        files=_files((body.get("spec") or {}).get("workspace")),
        activity=_activity(status.get("activity") or {}),
        suspended_for=str((status.get("suspension") or {}).get("reason") or ""),
    )


def _stamped(status: Manifest) -> list[Manifest]:
    return [entry for entry in status.get("conditions") or () if entry.get("lastTransitionTime")]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _files(workspace: Manifest | None) -> Files:
    if not workspace:
        return Files.LOST
    # A volume that a person named is never deleted.
    return Files.KEPT if workspace.get("claimName") or workspace.get("reclaimPolicy") == "Retain" else Files.DELETED


def _activity(reported: Manifest) -> Activity:
    at = reported.get("expiresAt")
    return Activity(
        kept_alive_by=str(reported.get("keptAliveBy") or ""),
        expires_at=_moment(at) if at else None,
        expiry_reason=str(reported.get("expiryReason") or ""),
    )


def new_session(namespace: str, owner: str, sample: str) -> Manifest:
    """Build the object to create, under a fresh name; an empty sample means the empty scene."""
    spec: Manifest = {"owner": owner}
    if sample:
        spec["scene"] = {"sample": sample}
    return {
        "apiVersion": API_VERSION,
        "kind": SESSION_KIND,
        "metadata": {
            "name": name_stem(sample) + "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS)),
            "namespace": namespace,
            "labels": {OWNER_HASH_LABEL: owner_hash(owner)},
        },
        "spec": spec,
    }


def name_stem(sample: str) -> str:
    """Give a readable start for the session's name, `shopping-cart-` for shopping_cart.blend."""
    words = re.sub(r"[^a-z0-9]+", "-", sample.removesuffix(".blend").lower()).strip("-")
    return (words[:_NAME_STEM_LIMIT].strip("-") or ("session" if sample else "empty-scene")) + "-"


def owner_hash(owner: str) -> str:
    """Give the first 16 hex digits of the name's SHA-256, as in docs/interfaces.md ("Objects of a session")."""
    return hashlib.sha256(owner.encode()).hexdigest()[:16]
