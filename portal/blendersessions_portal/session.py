"""A `BlenderSession` as the portal sees it: read from the API's object, and written as a new one. Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.model.conditions import READY, STALLED, Condition
from blendersessions.model.manifest import API_VERSION, SESSION_KIND, Manifest
from blendersessions.model.names import ALPHABET
from blendersessions.model.session import parse_session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

OWNER_HASH_LABEL = "blendersessions.io/owner-hash"
"""Label on sessions that the portal makes: the owner's hash, since an owner's name may be no valid label value."""

_NAME_STEM_LIMIT = 40
_RANDOM_CHARACTERS = 5


@dataclass(frozen=True)
class Session:
    """What the pages need to know of one session."""

    name: str
    uid: str
    owner: str
    sample: str
    created: datetime
    ending: bool = False
    phase: str = ""
    client_url: str = ""
    conditions: Mapping[str, Condition] = field(default_factory=dict)

    def holds(self, condition: str) -> bool:
        """Whether that condition is there and true."""
        found = self.conditions.get(condition)
        return found is not None and found.holds

    @property
    def failed(self) -> bool:
        """Whether waiting longer is of no use."""
        return not self.ending and (self.phase == "Failed" or self.holds(STALLED))

    @property
    def ready(self) -> bool:
        """Whether opening it works."""
        return not self.ending and not self.failed and self.holds(READY) and bool(self.client_url)

    @property
    def live(self) -> bool:
        """Whether it works or may still come to."""
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
