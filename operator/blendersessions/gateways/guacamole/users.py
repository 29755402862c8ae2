"""Users and what they may read.

No custom metadata of a user survives in Guacamole, but the organizational role does: a user that we made carries a mark
there, so that ours can be told from an administrator's after anything. The mark names the namespace too, for its people
can read the user's password: a session of another namespace must not be granted to that user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.access import UserRecord
from blendersessions.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.gateways.guacamole.http import Http

ROLE = "guac-organizational-role"


_MARK = "Made by blender-sessions ("


def mark(group: str, namespace: str) -> str:
    """Return what users that the installation with this connection group made for a namespace carry as their role.

    Guacamole keeps 256 characters of a role; a group's name has at most 128 and a namespace's 63, so it always fits.
    """
    return f"{_MARK}{group}/{namespace})"


def made_for(role: str, group: str) -> str:
    """Read a mark as `UserRecord.made_for` has it."""
    if not role.startswith(_MARK):
        return ""
    whose, _, namespace = role.removeprefix(_MARK).removesuffix(")").rpartition("/")
    return namespace if whose == group and role == mark(group, namespace) else f"/{role}"


async def get(http: Http, username: str, group: str) -> UserRecord:
    """Look a user up."""
    try:
        answer = await http.get("users", username)
    except NotFound:
        return UserRecord(username, exists=False)
    role = (answer.get("attributes") or {}).get(ROLE) or ""
    return UserRecord(username, exists=True, made_for=made_for(role, group))


async def create(http: Http, username: str, password: str, group: str, namespace: str) -> None:
    """Make a user for the sessions of a namespace; raises `Conflict` when there is one."""
    body = {"username": username, "password": password, "attributes": {ROLE: mark(group, namespace)}}
    await http.call("POST", "users", body=body)


async def remove(http: Http, username: str) -> None:
    """Remove a user; one who is gone is as good."""
    await http.call("PATCH", "users", body=[{"op": "remove", "path": f"/{username}"}])


async def may_read(http: Http, username: str, connection: str, group: str) -> bool:
    """Say whether a user may read a connection and the group that it is in."""
    held = await http.get("users", username, "permissions")
    connections = (held.get("connectionPermissions") or {}).get(connection) or ()
    groups = (held.get("connectionGroupPermissions") or {}).get(group) or ()
    return "READ" in connections and "READ" in groups


async def change(http: Http, username: str, op: str, paths: Iterable[str]) -> None:
    """Add or remove the right to read, as often as one likes."""
    body = [{"op": op, "path": path, "value": "READ"} for path in paths]
    await http.call("PATCH", "users", username, "permissions", body=body)
