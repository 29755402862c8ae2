"""Decide whether a session may use a volume claim that its spec names: only if the claim says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.labels import SCENES_FOR, SESSION_UID, WORKSPACE_FOR
from blendersessions_operator.planning.endings import Explanation

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session

ANYBODY: Final = "*"
"""Stands in the annotation for every session of the namespace, also for one without an owner."""
FIRST_DELAY: Final = timedelta(seconds=2)
MAX_DELAY: Final = timedelta(minutes=1)
"""Shortest and longest time until a claim that refuses a session is read again, because no watch reports its
changes."""


@dataclass(frozen=True)
class ClaimUse:
    """What a session uses a named claim for."""

    annotation: str
    """The claim's annotation with the owners whom it allows."""
    purpose: str
    """What the volume is for, in a message."""
    missing: Reason
    refused: Reason
    writes: bool
    """Whether the session changes what is on the volume. Then a claim that belongs to something else is refused."""


WORKSPACE: Final = ClaimUse(
    WORKSPACE_FOR, "the workspace", Reason.WORKSPACE_NOT_FOUND, Reason.WORKSPACE_NOT_ALLOWED, writes=True
)
SCENE: Final = ClaimUse(SCENES_FOR, "the scene", Reason.SCENE_NOT_FOUND, Reason.SCENE_NOT_ALLOWED, writes=False)


def named_claims(session: Session) -> dict[ClaimUse, str]:
    """Return the names of the claims that the spec names, by what they are for."""
    workspace, volume = session.spec.workspace, session.spec.scene.volume
    named = {}
    if workspace is not None and workspace.claim_name:
        named[WORKSPACE] = workspace.claim_name
    if volume is not None:
        named[SCENE] = volume.claim_name
    return named


def claim_refusal(
    session: Session, use: ClaimUse, claim: Manifest | None, session_with: Callable[[str], Ref | None]
) -> Explanation | None:
    """Return why a claim does not let a session use it; None if it does.

    Args:
        session: a session that names the claim.
        use: what for.
        claim: the claim as it was just read; None if it does not exist.
        session_with: returns the session with a UID, or None.
    """
    name, owner = named_claims(session)[use], session.spec.owner
    who = owner or "sessions without an owner"
    way_out = (
        f"have somebody who may change claims allow it by kubectl annotate pvc {name} -n {session.namespace} "
        f"{use.annotation}={owner or ANYBODY}"
    )
    if claim is None:
        message = (
            f"The namespace {session.namespace} has no PersistentVolumeClaim {name}. The session starts when the claim "
            f"exists and its annotation {use.annotation} allows {who}."
        )
        return Explanation(use.missing, message)
    if use.writes and (other := session_with((claim["metadata"].get("labels") or {}).get(SESSION_UID, ""))) is not None:
        why = f"was made for the session {other.name}: name another claim, or delete that session and {way_out}."
    elif use.writes and (controller := _controller(claim)):
        why = f"belongs to {controller}, and goes with it: name another claim."
    elif _allows(claim, use, owner):
        return None
    else:
        why = f"does not allow {who}: {way_out}. The session then starts within a minute."
    return Explanation(use.refused, f"The volume claim {name} of {use.purpose} {why}")


def time_to_read_again(session: Session, now: datetime) -> timedelta:
    """Return when a claim that refuses the session is read again: the longer it has refused, the later."""
    stalled, desktop = (session.status.condition(kind) for kind in (ConditionType.STALLED, ConditionType.DESKTOP_READY))
    since = stalled if stalled is not None and stalled.holds else desktop
    if since is None or since.last_transition_time is None:
        return FIRST_DELAY
    return min(MAX_DELAY, max(FIRST_DELAY, now - since.last_transition_time))


def _controller(claim: Manifest) -> str:
    """Return what controls a claim; empty if nothing does."""
    for owner in claim["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return f"{owner['kind']} {owner['name']}"
    return ""


def _allows(claim: Manifest, use: ClaimUse, owner: str) -> bool:
    names = allowed_names(claim, use.annotation)
    return ANYBODY in names or owner in names


def allowed_names(claim: Manifest, annotation: str) -> set[str]:
    """Return the names in an annotation of a claim, which are separated by commas."""
    listed = (claim["metadata"].get("annotations") or {}).get(annotation, "")
    return {name.strip() for name in listed.split(",")} - {""}
