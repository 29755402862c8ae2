"""Decide which users a session may let in, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.errors import OwnerNotAllowed, OwnerTaken, System, TooManyUsers, UserMissing

if TYPE_CHECKING:
    from blendersessions.model.access import UserRecord
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


def refusal(session: Session, observed: Observed, user: UserRecord) -> DomainError | None:
    """Return why the session may not let a user in, in words for people; None if it may."""
    if user.taken(session.namespace):
        return _taken(session, user)
    if user.exists:
        return None if user.made_for or user.admits(session.namespace) else _not_allowed(session, user)
    if not observed.installation.create_users:
        return _missing(session, user)
    most = observed.installation.users_per_namespace
    return _too_many(session, user, most) if observed.access.users_made >= most else None


def is_refused(session: Session, observed: Observed, username: str) -> bool:
    """Return whether the session may not let a user in, as far as is known of the user."""
    return refusal(session, observed, observed.access.users[username]) is not None


def _role(session: Session, user: UserRecord) -> tuple[str, str]:
    """Return what the user is in the session, and how the session gets another one."""
    if user.username == session.username:
        return "owner", "delete the session and create it with another spec.owner"
    return "viewer", "choose another name in spec.viewers"


def _taken(session: Session, user: UserRecord) -> OwnerTaken:
    role, other = _role(session, user)
    return OwnerTaken(
        f"The {role} {user.username} is a Guacamole user that was made for sessions outside of the namespace "
        f"{session.namespace}, where others know the password: {other}, or have an administrator "
        f"replace the user {user.username} in Guacamole.",
        System.GUACAMOLE,
    )


def _not_allowed(session: Session, user: UserRecord) -> OwnerNotAllowed:
    role, other = _role(session, user)
    return OwnerNotAllowed(
        f"The {role} {user.username} is an administrator's user in Guacamole, whose record does not admit sessions of "
        f"the namespace {session.namespace}: {other}, or have an administrator write "
        f"blender-sessions: {session.namespace} into the field Organization or Role of the user {user.username} in "
        "Guacamole's settings (several namespaces with commas, * for all).",
        System.GUACAMOLE,
    )


def _missing(session: Session, user: UserRecord) -> UserMissing:
    role, other = _role(session, user)
    if user.username == session.generated_name:
        return UserMissing(
            "The session names no owner, and this installation makes no users in Guacamole "
            "(BLENDERSESSIONS_GUACAMOLE_USERS_CREATE is Never): delete the session and create it with a spec.owner "
            "that Guacamole has as a user.",
            System.GUACAMOLE,
        )
    return UserMissing(
        f"Guacamole has no user {user.username}, and this installation makes none "
        f"(BLENDERSESSIONS_GUACAMOLE_USERS_CREATE is Never). The {role} gets in when an administrator has made the "
        f"user; or {other}.",
        System.GUACAMOLE,
    )


def _too_many(session: Session, user: UserRecord, most: int) -> TooManyUsers:
    role, _ = _role(session, user)
    return TooManyUsers(
        f"The user of the {role} {user.username} is not made, because Guacamole has {most} users of the namespace "
        f"{session.namespace} already: delete sessions there or take viewers off them, or have an administrator raise "
        "BLENDERSESSIONS_GUACAMOLE_USERS_PER_NAMESPACE (chart: operator.guacamoleUsers.perNamespace).",
        System.GUACAMOLE,
    )
