"""Users and what they may read.

No custom metadata of a user survives in Guacamole, but the organizational role does: a user that we made carries a mark
there, so that ours can be told from an administrator's after anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.access import UserRecord
from blendersessions.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.gateways.guacamole.http import Http

ROLE = "guac-organizational-role"


def mark(group: str) -> str:
    """Return what users of the installation with this connection group carry as their role."""
    return f"Made by blender-sessions ({group})"


async def get(http: Http, username: str, group: str) -> UserRecord:
    """Look a user up."""
    try:
        answer = await http.get("users", username)
    except NotFound:
        return UserRecord(username, exists=False)
    return UserRecord(username, exists=True, ours=(answer.get("attributes") or {}).get(ROLE) == mark(group))


async def create(http: Http, username: str, password: str, group: str) -> None:
    """Make a user; raises `Conflict` when there is one."""
    body = {"username": username, "password": password, "attributes": {ROLE: mark(group)}}
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
