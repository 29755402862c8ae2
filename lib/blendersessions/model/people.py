"""Whom a class lets own and view its sessions."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.model.session import Session
    from blendersessions.model.session_class import SessionClass

SHOWN: Final = 8
"""Patterns and names that a message shows. A list may have many more."""


def owner_refusal(session: Session, session_class: SessionClass) -> str:
    """Return why the class refuses the session's owner; empty if it does not."""
    owner, name, spec = session.spec.owner, session_class.name, session_class.spec
    if spec.owners is not None and not _listed(owner, spec.owners):
        who = f"spec.owner is {owner}" if owner else "The session has no owner"
        return (
            f"{who}, and the class {name} allows as owner {_shown(spec.owners)}: delete the session, and create it "
            "with such an owner or in another class."
        )
    if not owner and spec.limits.sessions_per_owner is not None:
        return (
            f"The session has no owner, and the class {name} counts the sessions of each owner "
            "(limits.sessionsPerOwner): delete the session, and create it with spec.owner or in another class."
        )
    return ""


def refused_viewers(session: Session, session_class: SessionClass) -> tuple[str, ...]:
    """Return the viewers whom the class refuses."""
    allowed = session_class.spec.viewers
    if allowed is None:
        return ()
    return tuple(viewer for viewer in session.spec.viewers if not _listed(viewer, allowed))


def viewer_refusal(refused: Sequence[str], session_class: SessionClass) -> str:
    """Return why the class refuses these viewers; empty if there are none."""
    if not refused:
        return ""
    allowed = _shown(session_class.spec.viewers or ()) or "none"
    return (
        f"spec.viewers has {_shown(refused)}, and the class {session_class.name} allows as viewers {allowed}: take the "
        "others off spec.viewers."
    )


def _listed(name: str, patterns: Sequence[str]) -> bool:
    return bool(name) and any(fnmatchcase(name, pattern) for pattern in patterns)


def _shown(entries: Sequence[str]) -> str:
    more = len(entries) - SHOWN
    return ", ".join(entries[:SHOWN]) + (f" and {more} more" if more > 0 else "")
