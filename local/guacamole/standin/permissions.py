"""The permissions of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from standin.answers import GuacamoleError, internal_error, permission_denied
from standin.calls import route, text
from standin.collection import number
from standin.store import OBJECT_PERMISSIONS, SYSTEM

if TYPE_CHECKING:
    from starlette.routing import Route

    from standin.active import ActiveConnections
    from standin.answers import JSON
    from standin.calls import Call
    from standin.collection import Collection
    from standin.connections import Connections
    from standin.groups import Groups
    from standin.state import Session, State
    from standin.users import Users

# In the order of Guacamole's answers (recorded: permissions-get-new-user).
SYSTEM_PERMISSIONS = (
    "CREATE_USER",
    "CREATE_USER_GROUP",
    "CREATE_CONNECTION",
    "CREATE_CONNECTION_GROUP",
    "CREATE_SHARING_PROFILE",
    "AUDIT",
    "ADMINISTER",
)
SYSTEM_PATH = "systemPermissions"


class _Change(NamedTuple):
    op: str
    kind: str
    target: str
    permission: str


class Permissions:
    """Reads, grants and revokes permissions."""

    def __init__(
        self, state: State, connections: Connections, groups: Groups, users: Users, active: ActiveConnections
    ) -> None:
        self._state = state
        self._store = state.store
        self._users = users
        self._active = active
        # By the name in a path. Guacamole applies the kinds in this order, each one in its own transaction (recorded:
        # permissions-mixed-kinds-one-bad, permissions-after-mixed-kinds).
        self._kinds: dict[str, Collection] = {
            "connectionPermissions": connections,
            "connectionGroupPermissions": groups,
            "userPermissions": users,
        }

    def routes(self) -> list[Route]:
        """Return the routes of permissions."""
        path = "users/{identifier}/permissions"
        return [route(self._state, "GET", path, self._get), route(self._state, "PATCH", path, self._patch)]

    async def _get(self, call: Call) -> JSON:
        user = self._users.find(call.session, call.identifier).id
        shown: dict[str, JSON] = {kind: self._held(user, collection) for kind, collection in self._kinds.items()}
        system = self._store.held(user, "system").get(SYSTEM, ())
        return shown | {
            "sharingProfilePermissions": {},
            # As in Guacamole, these are the tunnels that the request's own user controls, not the user in the path.
            "activeConnectionPermissions": {uuid: ["READ", "DELETE"] for uuid in self._active.controlled(call.session)},
            "userGroupPermissions": {},
            SYSTEM_PATH: [each for each in SYSTEM_PERMISSIONS if each in system],
        }

    def _held(self, user: int, collection: Collection) -> JSON:
        held: dict[str, JSON] = {}
        for key, names in self._store.held(user, collection.kind).items():
            stored = self._store.get(collection.kind, key)
            if stored is not None:
                held[collection.identifier(stored)] = [each for each in OBJECT_PERMISSIONS if each in names]
        return held

    async def _patch(self, call: Call) -> None:
        """Grant and revoke permissions. For each kind, all grants come before all revocations.

        (recorded: permissions-after-add-and-remove, permissions-after-remove-and-add)
        """
        user = self._users.find(call.session, call.identifier)
        changes = [self._read(entry) for entry in call.list]
        if not self._store.holds(call.session.user, "UPDATE", user.id):
            raise permission_denied()
        for kind in (*self._kinds, SYSTEM_PATH):
            with self._store.transaction():
                for change in sorted(each for each in changes if each.kind == kind):
                    self._apply(call.session, user.id, change)

    def _read(self, entry: dict[str, JSON]) -> _Change:
        op, path = text(entry.get("op")) or "", text(entry.get("path")) or ""
        permission = text(entry.get("value")) or ""
        if op not in ("add", "remove"):
            raise GuacamoleError(400, f'Unsupported patch operation: "{op}"')
        _, kind, target = [*path.split("/", 2), "", ""][:3]
        if path != f"/{SYSTEM_PATH}" and (kind not in self._kinds or not target):
            raise GuacamoleError(400, f'Unsupported patch path: "{path}"')
        if permission not in (SYSTEM_PERMISSIONS if kind == SYSTEM_PATH else OBJECT_PERMISSIONS):
            raise internal_error()
        return _Change(op, kind, target, permission)

    def _apply(self, session: Session, user: int, change: _Change) -> None:
        target = SYSTEM if change.kind == SYSTEM_PATH else self._target(change)
        if target is None:
            return
        if not self._store.holds(session.user, "ADMINISTER", target):
            raise permission_denied()
        if change.op == "add":
            self._store.grant(user, target, (change.permission,))
        else:
            self._store.revoke(user, target, change.permission)

    def _target(self, change: _Change) -> int | None:
        """Return the id of a change's object, and ``None`` if a permission on an unknown object is revoked.

        (recorded: permissions-add-unknown-connection, permissions-remove-unknown-connection)
        """
        stored = self._kinds[change.kind].lookup(change.target)
        possible = change.kind == "userPermissions" or number(change.target) is not None
        if stored is None and (change.op == "add" or not possible):
            raise internal_error()
        return None if stored is None else stored.id
