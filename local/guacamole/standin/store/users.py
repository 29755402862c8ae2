"""User accounts."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from standin.store.schema import Database


@dataclass(frozen=True)
class User:
    """One account as it is stored."""

    id: int
    name: str
    disabled: bool
    attributes: dict[str, str | None]
    last_active: int | None
    """When the user last logged in, in milliseconds since the epoch."""
    salt: bytes = field(repr=False)
    hash: bytes | None = field(repr=False)
    """The hash of the salted password; ``None`` for an account without one."""

    @classmethod
    def of(cls, row: sqlite3.Row) -> User:
        """Return the account in a row."""
        return cls(
            id=row["id"],
            name=row["name"],
            disabled=bool(row["disabled"]),
            attributes=json.loads(row["attributes"]),
            last_active=row["last_active"],
            salt=row["salt"],
            hash=row["hash"],
        )

    def accepts(self, password: str) -> bool:
        """Return whether this is the account's password.

        An account without a password accepts none (recorded: login-user-without-password).
        """
        return self.hash is not None and hmac.compare_digest(_digest(password, self.salt), self.hash)


class Users:
    """Reads and writes accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def named(self, name: str) -> User | None:
        """Return the account with this name. Names are case-sensitive (recorded: user-get-case)."""
        row = self._database.first("SELECT * FROM user WHERE name = ?", name)
        return None if row is None else User.of(row)

    def get(self, identifier: int) -> User | None:
        """Return one account."""
        row = self._database.first("SELECT * FROM user WHERE id = ?", identifier)
        return None if row is None else User.of(row)

    def all(self) -> list[User]:
        """Return all accounts."""
        return [User.of(row) for row in self._database.all("SELECT * FROM user")]

    def create(self, name: str, password: str | None, attributes: Mapping[str, str | None]) -> int:
        """Store a new account and return its id. Nobody can log in to an account with an empty password."""
        salt = secrets.token_bytes(32)
        return self._database.insert(
            "INSERT INTO user (name, salt, hash, attributes) VALUES (?, ?, ?, ?)",
            name,
            salt,
            _digest(password, salt) if password else None,
            json.dumps(dict(attributes)),
        )

    def update(self, identifier: int, *, disabled: bool, attributes: Mapping[str, str | None]) -> None:
        """Replace the values of an account."""
        self._database.write(
            "UPDATE user SET disabled = ?, attributes = ? WHERE id = ?",
            int(disabled),
            json.dumps(dict(attributes)),
            identifier,
        )

    def set_password(self, identifier: int, password: str) -> None:
        """Store a new password. An empty one leaves the account without a password."""
        salt = secrets.token_bytes(32)
        hashed = _digest(password, salt) if password else None
        self._database.write("UPDATE user SET salt = ?, hash = ? WHERE id = ?", salt, hashed, identifier)

    def signed_in(self, identifier: int, at: int) -> None:
        """Store when a user last logged in, in milliseconds since the epoch."""
        self._database.write("UPDATE user SET last_active = ? WHERE id = ?", at, identifier)

    def delete(self, identifier: int) -> None:
        """Remove an account and its grants."""
        self._database.write("DELETE FROM user WHERE id = ?", identifier)


def _digest(password: str, salt: bytes) -> bytes:
    # One round of SHA-256 over the salted password is as fast as Guacamole's own scheme, so many log-ins are too.
    return hashlib.sha256(salt + password.encode()).digest()
