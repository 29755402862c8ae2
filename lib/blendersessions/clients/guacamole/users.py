"""Users and what they may read.

No custom metadata of a user survives in Guacamole, but the organizational role does: a user that we made carries a mark
there, so that ours can be told from an administrator's after anything. The mark names the namespace too, for its people
can read the user's password: a session of another namespace must not be granted to that user.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blendersessions.model.access import UserRecord
from blendersessions.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from blendersessions.clients.guacamole.client import GuacamoleClient

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


async def list_all(client: GuacamoleClient, group: str) -> dict[str, UserRecord]:
    """List all users of the data source by name, in one request."""
    return {name: _record(name, answer, group) for name, answer in (await client.get("users")).items()}


async def get(client: GuacamoleClient, username: str, group: str) -> UserRecord:
    """Look a user up."""
    try:
        answer = await client.get("users", username)
    except NotFound:
        return UserRecord(username, exists=False)
    return _record(username, answer, group)


@dataclass(frozen=True)
class NewUser:
    """A user to be made for the sessions of a namespace."""

    username: str
    password: str = field(repr=False)
    namespace: str


async def create(client: GuacamoleClient, user: NewUser, group: str) -> None:
    """Make a user; raises `Conflict` when there is one."""
    await client.call("POST", "users", body=_body(user, group))


async def create_all(client: GuacamoleClient, users: Sequence[NewUser], group: str) -> list[None]:
    """Make users in one request, all or none."""
    await client.call(
        "PATCH", "users", body=[{"op": "add", "path": "/", "value": _body(user, group)} for user in users]
    )
    return [None] * len(users)


async def set_password(client: GuacamoleClient, username: str, password: str) -> None:
    """Set a user's password and keep the rest; what is left out of the body would be lifted, a lock for instance."""
    known = await client.get("users", username)
    kept = {key: known[key] for key in ("username", "disabled", "attributes") if key in known}
    await client.call("PUT", "users", username, body=kept | {"password": password})


async def remove(client: GuacamoleClient, usernames: Sequence[str]) -> list[None]:
    """Remove users; one who is gone is as good."""
    await client.call("PATCH", "users", body=[{"op": "remove", "path": f"/{username}"} for username in usernames])
    return [None] * len(usernames)


async def readable(client: GuacamoleClient, username: str, group: str) -> set[str]:
    """Return the identifiers of the connections that a user may read; none without the right to read their group.

    A connection in a group that the user may not read is not on the user's home page.
    """
    held = await client.get("users", username, "permissions")
    if "READ" not in ((held.get("connectionGroupPermissions") or {}).get(group) or ()):
        return set()
    return {key for key, rights in (held.get("connectionPermissions") or {}).items() if "READ" in rights}


async def change(client: GuacamoleClient, username: str, op: str, paths: Iterable[str]) -> None:
    """Add or remove the right to read, as often as one likes."""
    body = [{"op": op, "path": path, "value": "READ"} for path in paths]
    await client.call("PATCH", "users", username, "permissions", body=body)


def _body(user: NewUser, group: str) -> dict[str, Any]:
    attributes = {ROLE: mark(group, user.namespace)}
    return {"username": user.username, "password": user.password, "attributes": attributes}


def _record(username: str, answer: dict[str, Any], group: str) -> UserRecord:
    role = (answer.get("attributes") or {}).get(ROLE) or ""
    return UserRecord(username, exists=True, made_for=made_for(str(role), group))
