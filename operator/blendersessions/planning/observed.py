"""What was observed of a session: everything that a plan and a status are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.access import AccessView
from blendersessions.model.manifest import Manifest, controller_uid
from blendersessions.resources.secret import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.model.errors import DomainError
    from blendersessions.model.profile import Credentials, Profile
    from blendersessions.model.session import Session
    from blendersessions.planning.steps import Part


@dataclass(frozen=True)
class Observed:
    """The world around one session, as last seen: it may be stale, so nothing that follows from it may do harm."""

    profile: Profile
    fresh: Credentials
    secret: Manifest | None = None
    service: Manifest | None = None
    pod: Manifest | None = None
    user_secrets: Mapping[str, Manifest] = field(default_factory=dict)
    """By the user's name, for all whom the session lets in."""
    access: AccessView = field(default_factory=AccessView)
    failures: Mapping[Part, DomainError] = field(default_factory=dict)
    """What failed in this run, by part: nothing more is tried there until the next one."""


def owned(manifest: Manifest, session: Session) -> bool:
    """Say whether the session controls the object."""
    return controller_uid(manifest) == session.uid


def own_pod(session: Session, observed: Observed) -> Manifest | None:
    """Return the session's pod; a foreign one of its name is none."""
    return observed.pod if observed.pod is not None and owned(observed.pod, session) else None


def granted_before(session: Session, observed: Observed) -> tuple[str, ...]:
    """Name the users who may have been granted, as noted on the desktop's Secret."""
    if observed.secret is None or not owned(observed.secret, session):
        return ()
    noted = str((observed.secret["metadata"].get("annotations") or {}).get(labels.GRANTED, ""))
    return tuple(name for name in noted.split(",") if name)


def is_user_secret(manifest: Manifest, username: str) -> bool:
    """Say whether a Secret of the right name is one that we made for this user."""
    marked = (manifest["metadata"].get("labels") or {}).get(labels.SECRET) == labels.SECRET_USER
    return marked and decode(manifest, "username") == username


def foreign(session: Session, observed: Observed) -> list[Manifest]:
    """List the objects that bear a name of ours and are not ours."""
    children = (observed.secret, observed.service, observed.pod)
    others = [child for child in children if child is not None and not owned(child, session)]
    others += [secret for name, secret in observed.user_secrets.items() if not is_user_secret(secret, name)]
    return others
