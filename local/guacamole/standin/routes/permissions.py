"""The permissions of users, and the account of the request's own user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route

from standin import bodies
from standin.directories.base import number
from standin.errors import bad_request, internal_error, json_response, no_content, permission_denied
from standin.store.permissions import OBJECT_PERMISSIONS, SYSTEM_PERMISSIONS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from standin.directories.active import ActiveDirectory
    from standin.directories.users import UserDirectory
    from standin.errors import JSON
    from standin.sessions import Session
    from standin.state import State

# By the name in a path: the table of the objects. Guacamole applies the kinds in this order, each one in its own
# transaction (recorded: permissions-mixed-kinds-one-bad, permissions-after-mixed-kinds).
KINDS = {
    "connectionPermissions": "connection",
    "connectionGroupPermissions": "connection_group",
    "userPermissions": "user",
}


@dataclass(frozen=True)
class _Change:
    op: str
    kind: str
    target: str
    permission: str


class PermissionRoutes:
    """Reads, grants and revokes permissions."""

    def __init__(self, state: State, users: UserDirectory, active: ActiveDirectory) -> None:
        self._state = state
        self._users = users
        self._active = active

    def routes(self) -> list[Route]:
        """Return the routes of permissions."""
        base = "/api/session/data/{source}"
        return [
            Route(base + "/self", self.self, methods=["GET"]),
            # Effective permissions include those of a user's groups. The stand-in has no user groups.
            Route(base + "/self/permissions", self.own, methods=["GET"]),
            Route(base + "/self/effectivePermissions", self.own, methods=["GET"]),
            Route(base + "/users/{user}/permissions", self.get, methods=["GET"]),
            Route(base + "/users/{user}/effectivePermissions", self.get, methods=["GET"]),
            Route(base + "/users/{user}/permissions", self.patch, methods=["PATCH"]),
        ]

    async def self(self, request: Request) -> Response:
        """Return the session's account, as it was at the log-in."""
        return json_response(self._state.session_in(request).about)

    async def own(self, request: Request) -> Response:
        """Return the permissions of the request's own user."""
        session = self._state.session_in(request)
        return json_response(self._shown(session, session.user))

    async def get(self, request: Request) -> Response:
        """Return the permissions of a user."""
        session = self._state.session_in(request)
        return json_response(self._shown(session, self._users.find(session, request.path_params["user"]).id))

    async def patch(self, request: Request) -> Response:
        """Grant and revoke permissions. For each kind, all grants come before all revocations.

        (recorded: permissions-after-add-and-remove, permissions-after-remove-and-add)
        """
        session = self._state.session_in(request)
        user = self._users.find(session, request.path_params["user"])
        changes = [_read(entry) for entry in await bodies.read_list(request)]
        if not self._state.permissions.has_system(session.user, "ADMINISTER"):
            self._users.require(session, user, "UPDATE")
        for kind, table in KINDS.items():
            with self._state.database.transaction():
                self._apply(session, user.id, table, [change for change in changes if change.kind == kind])
        with self._state.database.transaction():
            self._apply_system(session, user.id, [change for change in changes if change.kind == "systemPermissions"])
        return no_content()

    def _apply(self, session: Session, user: int, table: str, changes: list[_Change]) -> None:
        permissions = self._state.permissions
        for change in sorted(changes, key=lambda change: change.op):
            target = self._target(table, change)
            if target is None:
                continue
            if not permissions.has(table, session.user, target, "ADMINISTER"):
                raise permission_denied()
            if change.op == "add":
                permissions.grant(table, user, target, (change.permission,))
            else:
                permissions.revoke(table, user, target, change.permission)

    def _target(self, table: str, change: _Change) -> int | None:
        """Return the id of a change's object, and ``None`` if a permission on an unknown object is revoked.

        (recorded: permissions-add-unknown-connection, permissions-remove-unknown-connection)
        """
        if table == "user":
            account = self._state.users.named(change.target)
            found = None if account is None else account.id
        else:
            key = number(change.target)
            if key is None:
                raise internal_error()
            found = key if self._state.permissions.exists(table, key) else None
        if found is None and change.op == "add":
            raise internal_error()
        return found

    def _apply_system(self, session: Session, user: int, changes: list[_Change]) -> None:
        permissions = self._state.permissions
        for change in sorted(changes, key=lambda change: change.op):
            if not permissions.has_system(session.user, "ADMINISTER"):
                raise permission_denied()
            if change.op == "add":
                permissions.grant_system(user, change.permission)
            else:
                permissions.revoke_system(user, change.permission)

    def _shown(self, session: Session, user: int) -> JSON:
        held: dict[str, dict[str, JSON]] = {kind: {} for kind in KINDS}
        for kind, table in KINDS.items():
            for key, names in self._state.permissions.objects(table, user).items():
                held[kind][self._identifier(table, key)] = [*names]
        return {
            "connectionPermissions": held["connectionPermissions"],
            "connectionGroupPermissions": held["connectionGroupPermissions"],
            "sharingProfilePermissions": {},
            # As in Guacamole, these are the tunnels that the request's own user controls, not the user in the path.
            "activeConnectionPermissions": {
                tunnel.uuid: ["READ", "DELETE"]
                for tunnel in self._state.tunnels.all()
                if self._active.controls(session, tunnel)
            },
            "userPermissions": held["userPermissions"],
            "userGroupPermissions": {},
            "systemPermissions": [*self._state.permissions.system(user)],
        }

    def _identifier(self, table: str, key: int) -> str:
        account = self._state.users.get(key) if table == "user" else None
        return str(key) if account is None else account.name


def _read(entry: dict[str, JSON]) -> _Change:
    op, path = bodies.text(entry.get("op")) or "", bodies.text(entry.get("path")) or ""
    permission = bodies.text(entry.get("value")) or ""
    if op not in ("add", "remove"):
        raise bad_request(f'Unsupported patch operation: "{op}"')
    _, kind, target = [*path.split("/", 2), "", ""][:3]
    if path == "/systemPermissions":
        known: tuple[str, ...] = SYSTEM_PERMISSIONS
    elif kind in KINDS and target:
        known = OBJECT_PERMISSIONS
    else:
        raise bad_request(f'Unsupported patch path: "{path}"')
    if permission not in known:
        raise internal_error()
    return _Change(op, kind, target, permission)
