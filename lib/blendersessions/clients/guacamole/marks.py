"""The marks by which an installation knows what is its own in Guacamole.

Guacamole keeps no attribute of ours, neither on groups nor on users (exchanges `group-list`, `user-get-unknown-attr`).
So a group's mark is the name of an empty group in it, which comes with the group's tree (`group-tree-sub`), and a
user's is the organizational role, which comes with the list of users (`user-get`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_GROUP = re.compile(r"Made by blender-sessions \(installation ([A-Za-z0-9._-]+), revision (\d{1,18})\)")
_USER = re.compile(r"Made by blender-sessions \(([a-z0-9-]+), installation ([A-Za-z0-9._-]+), secret ([0-9a-f]*)\)")
_FORMER_USER = re.compile(r"Made by blender-sessions \((.*)/([a-z0-9-]+)\)", re.DOTALL)
"""A user's mark by versions that knew no installation: the connection group, and the namespace."""
_PREFIX = "Made by blender-sessions ("


@dataclass(frozen=True)
class Installation:
    """Whose connection group and users are ours."""

    id: str
    """Letters, digits, `.`, `_` and `-`; at most 64 characters."""
    group: str
    """The name that our connection group should have."""
    former_groups: frozenset[str] = field(default=frozenset())
    """Names that our group has or had. Users with a former mark of these are ours. Empty while the group is not known
    to be ours."""


@dataclass(frozen=True)
class GroupMark:
    """The mark in a connection group."""

    identifier: str
    """Guacamole's identifier of the empty group."""
    installation: str
    revision: int
    """Grows with each right that is revoked. One that went back shows that the database was restored."""


@dataclass(frozen=True)
class UserMark:
    """What a user's role says about who made the user."""

    made_for: str = ""
    """As in `UserRecord.made_for`."""
    fingerprint: str = ""
    """Of the Secret whose password was set last; empty if the role does not say."""


def group_mark(installation: str, revision: int) -> str:
    """Return the name of the empty group that marks a connection group. Guacamole keeps 128 characters of it."""
    return f"{_PREFIX}installation {installation}, revision {revision})"


def read_group_mark(identifier: str, name: str) -> GroupMark | None:
    """Read the name of a group inside a connection group; None if it is no mark."""
    found = _GROUP.fullmatch(name)
    return GroupMark(identifier, found[1], int(found[2])) if found else None


def user_mark(installation: str, namespace: str, fingerprint: str) -> str:
    """Return the role of a user that an installation made for a namespace. Guacamole keeps 256 characters of it."""
    return f"{_PREFIX}{namespace}, installation {installation}, secret {fingerprint})"


def former_group(role: str) -> str:
    """Return the connection group in a user's mark of a version that knew no installation; empty for another role."""
    found = _FORMER_USER.fullmatch(role)
    return found[1] if found else ""


def read_user_mark(installation: Installation, role: str) -> UserMark:
    """Read a user's role as this installation sees it."""
    if not role.startswith(_PREFIX):
        return UserMark()
    found, former = _USER.fullmatch(role), _FORMER_USER.fullmatch(role)
    if found and found[2] == installation.id:
        return UserMark(found[1], found[3])
    if former and former[1] in installation.former_groups:
        return UserMark(former[2])
    return UserMark(f"/{role}")
