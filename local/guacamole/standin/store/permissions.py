"""Permissions on objects, and system permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from standin.store.schema import Database

OBJECT_PERMISSIONS = ("READ", "UPDATE", "DELETE", "ADMINISTER")
# In the order of Guacamole's answers (recorded: self-permissions).
SYSTEM_PERMISSIONS = (
    "CREATE_USER",
    "CREATE_USER_GROUP",
    "CREATE_CONNECTION",
    "CREATE_CONNECTION_GROUP",
    "CREATE_SHARING_PROFILE",
    "AUDIT",
    "ADMINISTER",
)


class Permissions:
    """Reads and writes permissions. The argument ``table`` is always one of ``schema.GRANTABLE``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def system(self, user: int) -> list[str]:
        """Return a user's system permissions, in Guacamole's order."""
        held = {
            row["permission"]
            for row in self._database.all("SELECT permission FROM system_permission WHERE user = ?", user)
        }
        return [permission for permission in SYSTEM_PERMISSIONS if permission in held]

    def has_system(self, user: int, permission: str) -> bool:
        """Return whether a user holds a system permission. ADMINISTER implies all others."""
        query = "SELECT 1 FROM system_permission WHERE user = ? AND permission IN (?, 'ADMINISTER')"
        return self._database.first(query, user, permission) is not None

    def objects(self, table: str, user: int) -> dict[int, list[str]]:
        """Return the permissions that a user holds on objects of one kind, by the objects' ids."""
        held: dict[int, set[str]] = {}
        for row in self._database.all(f"SELECT object, permission FROM {table}_permission WHERE user = ?", user):  # noqa: S608
            held.setdefault(row["object"], set()).add(row["permission"])
        return {key: [name for name in OBJECT_PERMISSIONS if name in names] for key, names in held.items()}

    def has(self, table: str, user: int, target: int, permission: str) -> bool:
        """Return whether a user holds a permission on one object, directly or as an administrator."""
        query = f"SELECT 1 FROM {table}_permission WHERE user = ? AND object = ? AND permission = ?"  # noqa: S608
        return self._database.first(query, user, target, permission) is not None or self.has_system(user, "ADMINISTER")

    def exists(self, table: str, target: int) -> bool:
        """Return whether an object exists."""
        return self._database.first(f"SELECT 1 FROM {table} WHERE id = ?", target) is not None  # noqa: S608

    def grant(self, table: str, user: int, target: int, permissions: Iterable[str] = OBJECT_PERMISSIONS) -> None:
        """Grant permissions on an object, as far as the user lacks them (recorded: permissions-add-again)."""
        for permission in permissions:
            query = f"INSERT OR IGNORE INTO {table}_permission (user, object, permission) VALUES (?, ?, ?)"  # noqa: S608
            self._database.write(query, user, target, permission)

    def revoke(self, table: str, user: int, target: int, permission: str) -> None:
        """Revoke a permission, if the user holds it (recorded: permissions-remove-not-held)."""
        query = f"DELETE FROM {table}_permission WHERE user = ? AND object = ? AND permission = ?"  # noqa: S608
        self._database.write(query, user, target, permission)

    def grant_system(self, user: int, permission: str) -> None:
        """Grant a system permission, if the user lacks it."""
        self._database.write(
            "INSERT OR IGNORE INTO system_permission (user, permission) VALUES (?, ?)", user, permission
        )

    def revoke_system(self, user: int, permission: str) -> None:
        """Revoke a system permission, if the user holds it."""
        self._database.write("DELETE FROM system_permission WHERE user = ? AND permission = ?", user, permission)
