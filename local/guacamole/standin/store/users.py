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
    """One account as it is stored; ``last_active`` is in milliseconds."""

    id: int
    name: str
    disabled: bool
    attributes: dict[str, str | None]
    last_active: int | None
    salt: bytes = field(repr=False)
    hash: bytes | None = field(repr=False)

    @classmethod
    def of(cls, row: sqlite3.Row) -> User:
        """Make one of a row."""
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
        """Say whether this is the account's password; an account without one accepts none."""
        return self.hash is not None and hmac.compare_digest(_digest(password, self.salt), self.hash)


class Users:
    """Reads and writes accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def named(self, name: str) -> User | None:
        """Return the account of this name; names are case-sensitive."""
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
        """Store a new account and return its id; an empty password makes one that nobody can sign in to."""
        salt = secrets.token_bytes(32)
        return self._database.insert(
            "INSERT INTO user (name, salt, hash, attributes) VALUES (?, ?, ?, ?)",
            name,
            salt,
            _digest(password, salt) if password else None,
            json.dumps(dict(attributes)),
        )

    def update(self, identifier: int, *, disabled: bool, attributes: Mapping[str, str | None]) -> None:
        """Store other values for an account."""
        self._database.write(
            "UPDATE user SET disabled = ?, attributes = ? WHERE id = ?",
            int(disabled),
            json.dumps(dict(attributes)),
            identifier,
        )

    def set_password(self, identifier: int, password: str) -> None:
        """Store another password; an empty one closes the account to passwords."""
        salt = secrets.token_bytes(32)
        hashed = _digest(password, salt) if password else None
        self._database.write("UPDATE user SET salt = ?, hash = ? WHERE id = ?", salt, hashed, identifier)

    def signed_in(self, identifier: int, at: int) -> None:
        """Store when somebody signed in to an account last, in milliseconds since the epoch."""
        self._database.write("UPDATE user SET last_active = ? WHERE id = ?", at, identifier)

    def delete(self, identifier: int) -> None:
        """Remove an account and its grants."""
        self._database.write("DELETE FROM user WHERE id = ?", identifier)


def _digest(password: str, salt: bytes) -> bytes:
    # One round of SHA-256 over the salted password costs what Apache's own scheme does, so bulk logins are as fast.
    return hashlib.sha256(salt + password.encode()).digest()
