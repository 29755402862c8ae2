"""Users, and the connections that they may read.

Guacamole drops attributes that it does not know (exchange `user-get-unknown-attr`), but it keeps the organizational
role (`user-get`). Our users carry a mark there, which distinguishes them from an administrator's after a restart or a
restore. The mark also names a namespace, whose members can read the user's password. So that user gets no grant for a
session of another namespace. And it holds a fingerprint of the user's Secret, so that the list shows whether a restore
of either side made the two differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blendersessions.clients.guacamole.marks import former_group, read_user_mark, user_mark
from blendersessions.model.access import UserRecord
from blendersessions.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from blendersessions.clients.guacamole.client import GuacamoleClient
    from blendersessions.clients.guacamole.marks import Installation
    from blendersessions.model.access import UserSpec

ROLE = "guac-organizational-role"
ORGANIZATION = "guac-organization"
_ADMITTED = re.compile(r"(?:^|;)\s*blender-sessions:([^;]*)")
"""What an administrator writes into the organization or the role of a user: `blender-sessions: art, film`, or `*` for
all namespaces. Other text may stand before or after a semicolon."""


async def list_all(client: GuacamoleClient, installation: Installation) -> dict[str, UserRecord]:
    """List all users of the data source by name, in one request."""
    return {name: _record(name, answer, installation) for name, answer in (await client.get("users")).items()}


async def get(client: GuacamoleClient, username: str, installation: Installation) -> UserRecord:
    """Look up a user (`user-get-unknown` if it does not exist)."""
    try:
        answer = await client.get("users", username)
    except NotFound:
        return UserRecord(username, exists=False)
    return _record(username, answer, installation)


async def create(client: GuacamoleClient, user: UserSpec, installation: Installation) -> None:
    """Create a user.

    Raises:
        Conflict: the name is taken (`user-create-duplicate`).
    """
    await client.call("POST", "users", body=_body(user, installation))


async def create_all(client: GuacamoleClient, users: Sequence[UserSpec], installation: Installation) -> list[None]:
    """Create users in one request.

    Raises:
        Invalid: one of them is refused, so none was created (`user-batch-add-one-duplicate`).
    """
    body = [{"op": "add", "path": "/", "value": _body(user, installation)} for user in users]
    await client.call("PATCH", "users", body=body)
    return [None] * len(users)


async def set_password(client: GuacamoleClient, user: UserSpec, installation: Installation) -> None:
    """Set the password and the mark of a user of ours, and keep the other attributes."""
    mark = user_mark(installation.id, user.namespace, user.fingerprint)
    await _change(client, user.username, mark, {"password": user.password})


async def renew_marks(client: GuacamoleClient, installation: Installation, group: str) -> None:
    """Give the users that a former version marked with the name of a connection group the mark of an installation.

    It is needed before the group gets another name, which their marks do not follow.
    """
    for username, answer in (await client.get("users")).items():
        role = _role(answer)
        if former_group(role) == group:
            namespace = role.removesuffix(")").rpartition("/")[2]
            await _change(client, username, user_mark(installation.id, namespace, ""), {})


async def _change(client: GuacamoleClient, username: str, role: str, values: dict[str, str]) -> None:
    """Change a user's role and other values.

    A request that leaves `disabled` out would enable a disabled account (`user-put-without-disabled-field`).
    """
    user = await client.get("users", username)
    unchanged = {key: user[key] for key in ("username", "disabled") if key in user}
    attributes = (user.get("attributes") or {}) | {ROLE: role}
    await client.call("PUT", "users", username, body=unchanged | {"attributes": attributes} | values)


async def remove(client: GuacamoleClient, usernames: Sequence[str]) -> list[None]:
    """Remove users. An unknown one is no error (`user-batch-remove`)."""
    await client.call("PATCH", "users", body=[{"op": "remove", "path": f"/{username}"} for username in usernames])
    return [None] * len(usernames)


@dataclass(frozen=True)
class Rights:
    """What a user may read."""

    connections: frozenset[str]
    """Identifiers of connections."""
    group: bool
    """Whether the user may read our group. Without that the user's home page does not show the connections in it
    (`user-tree-connection-in-ungranted-group`, `user-tree-with-group`), and the user can still open them."""
    administers: bool
    """Whether the user is an administrator of Guacamole, who may read everything anyway."""


async def rights(client: GuacamoleClient, username: str, group: str) -> Rights:
    """Read the rights of a user (`permissions-get-after-add`).

    Raises:
        NotFound: the user does not exist.
    """
    permissions = await client.get("users", username, "permissions")
    held = permissions.get("connectionPermissions") or {}
    of_group = (permissions.get("connectionGroupPermissions") or {}).get(group) or ()
    return Rights(
        connections=frozenset(key for key, rights in held.items() if "READ" in rights),
        group="READ" in of_group,
        administers="ADMINISTER" in (permissions.get("systemPermissions") or ()),
    )


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


def _body(user: UserSpec, installation: Installation) -> dict[str, Any]:
    attributes = {ROLE: user_mark(installation.id, user.namespace, user.fingerprint)}
    return {"username": user.username, "password": user.password, "attributes": attributes}


def _role(answer: dict[str, Any]) -> str:
    return str((answer.get("attributes") or {}).get(ROLE) or "")


def _record(username: str, answer: dict[str, Any], installation: Installation) -> UserRecord:
    mark = read_user_mark(installation, _role(answer))
    admitted = () if mark.made_for else _admitted(answer)
    return UserRecord(username, True, mark.made_for, mark.fingerprint, admitted)


def _admitted(answer: dict[str, Any]) -> tuple[str, ...]:
    """Return the namespaces that an administrator has written into a user's record."""
    attributes = answer.get("attributes") or {}
    texts = (_ADMITTED.search(str(attributes.get(key) or "")) for key in (ORGANIZATION, ROLE))
    return tuple(name.strip() for found in texts if found for name in found[1].split(",") if name.strip())
