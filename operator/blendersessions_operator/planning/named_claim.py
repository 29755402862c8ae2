"""Decide whether a session may use the volume claim that its spec names: only if the claim says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.labels import SESSION_UID, WORKSPACE_FOR
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


def named_claim(session: Session) -> str:
    """Return the name of the claim that the spec names; empty if it names none."""
    workspace = session.spec.workspace
    return workspace.claim_name if workspace is not None else ""


def claim_refusal(
    session: Session, claim: Manifest | None, session_with: Callable[[str], Ref | None]
) -> Explanation | None:
    """Return why a claim does not let a session use it; None if it does.

    Args:
        session: a session that names the claim.
        claim: the claim as it was just read; None if it does not exist.
        session_with: returns the session with a UID, or None.
    """
    name, owner = named_claim(session), session.spec.owner
    who = owner or "sessions without an owner"
    way_out = (
        f"have somebody who may change claims allow it by kubectl annotate pvc {name} -n {session.namespace} "
        f"{WORKSPACE_FOR}={owner or ANYBODY}"
    )
    if claim is None:
        message = (
            f"The namespace {session.namespace} has no PersistentVolumeClaim {name}. The session starts when the claim "
            f"exists and its annotation {WORKSPACE_FOR} allows {who}."
        )
        return Explanation(Reason.WORKSPACE_NOT_FOUND, message)
    if (other := session_with((claim["metadata"].get("labels") or {}).get(SESSION_UID, ""))) is not None:
        why = f"was made for the session {other.name}: name another claim, or delete that session and {way_out}."
    elif controller := _controller(claim):
        why = f"belongs to {controller}, and goes with it: name another claim."
    elif _allows(claim, owner):
        return None
    else:
        why = f"does not allow {who}: {way_out}. The session then starts within a minute."
    return Explanation(Reason.WORKSPACE_NOT_ALLOWED, f"The volume claim {name} of the workspace {why}")


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


def _allows(claim: Manifest, owner: str) -> bool:
    listed = (claim["metadata"].get("annotations") or {}).get(WORKSPACE_FOR, "")
    names = {name.strip() for name in listed.split(",")} - {""}
    return ANYBODY in names or owner in names
