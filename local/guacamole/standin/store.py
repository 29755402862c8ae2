"""The stand-in's database: objects, and the permissions of users on them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OBJECT_PERMISSIONS = ("READ", "UPDATE", "DELETE", "ADMINISTER")
SYSTEM = 0
"""The id of the object that system permissions are on."""
# A null parent is ROOT. As in PostgreSQL, a unique index treats nulls as different. Names are therefore unique inside a
# group, but at ROOT only the application checks them.
TABLES = """
PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS object (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    parent INTEGER REFERENCES object (id) ON DELETE CASCADE,
    trait TEXT NOT NULL,
    attributes TEXT NOT NULL,
    hidden TEXT NOT NULL,
    last_active INTEGER,
    UNIQUE (kind, parent, name)
);
CREATE INDEX IF NOT EXISTS object_name ON object (kind, name);
CREATE INDEX IF NOT EXISTS object_parent ON object (parent);
CREATE TABLE IF NOT EXISTS permission (
    user INTEGER NOT NULL REFERENCES object (id) ON DELETE CASCADE,
    object INTEGER NOT NULL REFERENCES object (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (user, object, name)
);
CREATE INDEX IF NOT EXISTS permission_object ON permission (object);
INSERT OR IGNORE INTO object (id, kind, name, trait, attributes, hidden) VALUES (0, 'system', '', '', '', '');
"""


@dataclass(frozen=True)
class Values:
    """What an object consists of."""

    name: str
    parent: int | None
    """The id of the group that the object is in; ``None`` for ROOT, and for users."""
    trait: str
    """What only this kind of object has: a connection's protocol, a group's type, whether a user is disabled."""
    attributes: Mapping[str, str | None]
    hidden: Mapping[str, str] = field(repr=False)
    """What no list shows: a connection's parameters, a user's password."""


@dataclass(frozen=True)
class Stored:
    """One object as it is stored; `Values` explains most fields."""

    name: str
    parent: int | None
    trait: str
    attributes: dict[str, str | None]
    id: int
    last_active: int | None
    """When a user last logged in, or a connection's last tunnel was opened; in milliseconds since the epoch."""
    hidden_text: str = field(repr=False)

    @property
    def hidden(self) -> dict[str, str]:
        """What no list shows. It is parsed on demand."""
        hidden: dict[str, str] = json.loads(self.hidden_text)
        return hidden


class Store:
    """One SQLite connection.

    All queries are short and run on the event loop, so no other request can change the database in between.

    Args:
        path: The path of a file, or ``:memory:``.
    """

    def __init__(self, path: str) -> None:
        self._sqlite = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._sqlite.executescript(TABLES)

    def close(self) -> None:
        """Close the database."""
        self._sqlite.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep the writes of the block, or none of them if it raises an exception."""
        self._sqlite.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._sqlite.execute("ROLLBACK")
            raise
        self._sqlite.execute("COMMIT")

    def get(self, kind: str, key: int) -> Stored | None:
        """Return the object with an id."""
        return next(iter(self._objects("kind = ? AND id = ?", kind, key)), None)

    def named(self, kind: str, name: str) -> list[Stored]:
        """Return the objects with a name. Names are case-sensitive (recorded: user-get-case)."""
        return self._objects("kind = ? AND name = ?", kind, name)

    def readable(self, kind: str, user: int) -> list[Stored]:
        """Return the objects that a user may READ."""
        if self.holds(user, "ADMINISTER"):
            return self._objects("kind = ?", kind)
        readable = "SELECT object FROM permission WHERE user = ? AND name = 'READ'"
        return self._objects(f"kind = ? AND id IN ({readable})", kind, user)

    def insert(self, kind: str, values: Values) -> int:
        """Store a new object and return its id."""
        query = (
            "INSERT INTO object (name, parent, trait, attributes, hidden, kind) VALUES (?, ?, ?, ?, ?, ?) RETURNING id"
        )
        return int(self._sqlite.execute(query, (*_columns(values), kind)).fetchone()[0])

    def replace(self, key: int, values: Values) -> None:
        """Replace the values of an object."""
        query = "UPDATE object SET name = ?, parent = ?, trait = ?, attributes = ?, hidden = ? WHERE id = ?"
        self._sqlite.execute(query, (*_columns(values), key))

    def used(self, key: int, at: int) -> None:
        """Store when an object was last used, in milliseconds since the epoch."""
        self._sqlite.execute("UPDATE object SET last_active = ? WHERE id = ?", (at, key))

    def delete(self, key: int) -> None:
        """Remove an object, the objects in it, and all permissions on them."""
        self._sqlite.execute("DELETE FROM object WHERE id = ?", (key,))

    def holds(self, user: int, permission: str, key: int = SYSTEM) -> bool:
        """Return whether a user holds a permission, directly or as an administrator."""
        query = "SELECT 1 FROM permission WHERE user = ? AND object = ? AND name = ?"
        wanted = ((user, key, permission), (user, SYSTEM, "ADMINISTER"))
        return any(self._sqlite.execute(query, values).fetchone() is not None for values in wanted)

    def held(self, user: int, kind: str) -> dict[int, set[str]]:
        """Return the permissions that a user holds on objects of one kind, by the objects' ids."""
        query = "SELECT o.id, p.name FROM permission p JOIN object o ON o.id = p.object WHERE p.user = ? AND o.kind = ?"
        held: dict[int, set[str]] = {}
        for key, name in self._sqlite.execute(query, (user, kind)):
            held.setdefault(key, set()).add(name)
        return held

    def grant(self, user: int, key: int, permissions: Iterable[str]) -> None:
        """Grant permissions, as far as the user lacks them (recorded: permissions-add-again)."""
        rows = [(user, key, name) for name in permissions]
        self._sqlite.executemany("INSERT OR IGNORE INTO permission (user, object, name) VALUES (?, ?, ?)", rows)

    def revoke(self, user: int, key: int, permission: str) -> None:
        """Revoke a permission, if the user holds it (recorded: permissions-remove-not-held)."""
        query = "DELETE FROM permission WHERE user = ? AND object = ? AND name = ?"
        self._sqlite.execute(query, (user, key, permission))

    def _objects(self, where: str, *values: object) -> list[Stored]:
        query = f"SELECT name, parent, trait, attributes, id, last_active, hidden FROM object WHERE {where}"  # noqa: S608
        return [
            Stored(name, parent, trait, json.loads(attributes), *rest)
            for name, parent, trait, attributes, *rest in self._sqlite.execute(query, values)
        ]


def _columns(values: Values) -> tuple[object, ...]:
    attributes, hidden = json.dumps(dict(values.attributes)), json.dumps(dict(values.hidden))
    return values.name, values.parent, values.trait, attributes, hidden
