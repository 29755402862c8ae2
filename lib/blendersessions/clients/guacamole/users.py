"""Users, and the connections that they may read.

Guacamole drops attributes that it does not know (exchange `user-get-unknown-attr`), but it keeps the organizational
role (`user-get`). Our users carry a mark there, which distinguishes them from an administrator's after a restart or a
restore. The mark also names a namespace, whose members can read the user's password. So that user gets no grant for a
session of another namespace.
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
    """Return the role of a user that the installation with this connection group made for a namespace.

    Guacamole keeps 256 characters of a role; a group's name has at most 128 and a namespace's 63, so it always fits.
    """
    return f"{_MARK}{group}/{namespace})"


def made_for(role: str, group: str) -> str:
    """Return `UserRecord.made_for` for a role: empty without a mark; with a slash first for another's mark."""
    if not role.startswith(_MARK):
        return ""
    marked_group, _, namespace = role.removeprefix(_MARK).removesuffix(")").rpartition("/")
    return namespace if marked_group == group and role == mark(group, namespace) else f"/{role}"


async def list_all(client: GuacamoleClient, group: str) -> dict[str, UserRecord]:
    """List all users of the data source by name, in one request."""
    return {name: _record(name, answer, group) for name, answer in (await client.get("users")).items()}


async def get(client: GuacamoleClient, username: str, group: str) -> UserRecord:
    """Look up a user (`user-get-unknown` if it does not exist)."""
    try:
        answer = await client.get("users", username)
    except NotFound:
        return UserRecord(username, exists=False)
    return _record(username, answer, group)


@dataclass(frozen=True)
class NewUser:
    """A user that does not exist yet, for the sessions of a namespace."""

    username: str
    password: str = field(repr=False)
    namespace: str


async def create(client: GuacamoleClient, user: NewUser, group: str) -> None:
    """Create a user.

    Raises:
        Conflict: the name is taken (`user-create-duplicate`).
    """
    await client.call("POST", "users", body=_body(user, group))


async def create_all(client: GuacamoleClient, users: Sequence[NewUser], group: str) -> list[None]:
    """Create users in one request.

    Raises:
        Invalid: one of them is refused, so none was created (`user-batch-add-one-duplicate`).
    """
    await client.call(
        "PATCH", "users", body=[{"op": "add", "path": "/", "value": _body(user, group)} for user in users]
    )
    return [None] * len(users)


async def set_password(client: GuacamoleClient, username: str, password: str) -> None:
    """Set a user's password, and keep the other attributes.

    A request that leaves `disabled` out would enable a disabled account (`user-put-without-disabled-field`).
    """
    user = await client.get("users", username)
    unchanged = {key: user[key] for key in ("username", "disabled", "attributes") if key in user}
    await client.call("PUT", "users", username, body=unchanged | {"password": password})


async def remove(client: GuacamoleClient, usernames: Sequence[str]) -> list[None]:
    """Remove users. An unknown one is no error (`user-batch-remove`)."""
    await client.call("PATCH", "users", body=[{"op": "remove", "path": f"/{username}"} for username in usernames])
    return [None] * len(usernames)


async def readable(client: GuacamoleClient, username: str, group: str) -> set[str]:
    """Return the identifiers of the connections that a user may read (`permissions-get-after-add`).

    Without the right to read their group the set is empty, because the user's home page does not show them then
    (`user-tree-connection-in-ungranted-group`, `user-tree-with-group`).
    """
    permissions = await client.get("users", username, "permissions")
    if "READ" not in ((permissions.get("connectionGroupPermissions") or {}).get(group) or ()):
        return set()
    return {key for key, rights in (permissions.get("connectionPermissions") or {}).items() if "READ" in rights}


async def change(client: GuacamoleClient, username: str, op: str, paths: Iterable[str]) -> None:
    """Add or remove the right to read.

    A repetition is no error (`permissions-add-again`, `permissions-remove-not-held`).

    Args:
        client: the client that sends the request.
        username: the user whose rights change.
        op: `add` or `remove`.
        paths: the objects, for instance `/connectionPermissions/7`.

    Raises:
        Unavailable: one of the objects does not exist (`permissions-add-unknown-connection`).
    """
    body = [{"op": op, "path": path, "value": "READ"} for path in paths]
    await client.call("PATCH", "users", username, "permissions", body=body)


def _body(user: NewUser, group: str) -> dict[str, Any]:
    attributes = {ROLE: mark(group, user.namespace)}
    return {"username": user.username, "password": user.password, "attributes": attributes}


def _record(username: str, answer: dict[str, Any], group: str) -> UserRecord:
    role = (answer.get("attributes") or {}).get(ROLE) or ""
    return UserRecord(username, exists=True, made_for=made_for(str(role), group))
