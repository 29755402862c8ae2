"""The stand-in's database: tables and transactions."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A null parent is ROOT. As in PostgreSQL, a unique index treats nulls as different. Names are therefore unique inside a
# group, but at ROOT only the application checks them. The column last_active is in milliseconds since the epoch.
TABLES = """
CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    salt BLOB NOT NULL,
    hash BLOB,
    disabled INTEGER NOT NULL DEFAULT 0,
    attributes TEXT NOT NULL,
    last_active INTEGER
);
CREATE TABLE IF NOT EXISTS connection_group (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER REFERENCES connection_group (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    attributes TEXT NOT NULL,
    UNIQUE (parent, name)
);
CREATE TABLE IF NOT EXISTS connection (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER REFERENCES connection_group (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    protocol TEXT NOT NULL,
    parameters TEXT NOT NULL,
    attributes TEXT NOT NULL,
    last_active INTEGER,
    UNIQUE (parent, name)
);
CREATE INDEX IF NOT EXISTS connection_name ON connection (name);
CREATE TABLE IF NOT EXISTS system_permission (
    user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (user, permission)
);
"""
GRANTS = """
CREATE TABLE IF NOT EXISTS {table}_permission (
    user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    object INTEGER NOT NULL REFERENCES {table} (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (user, object, permission)
);
CREATE INDEX IF NOT EXISTS {table}_permission_object ON {table}_permission (object);
"""
GRANTABLE = ("connection", "connection_group", "user")
"""The tables whose objects have permissions."""


class Database:
    """One SQLite connection.

    All queries are short and run on the event loop, so no other request can change the database in between.

    Args:
        path: The path of a file, or ``:memory:``.
    """

    def __init__(self, path: str) -> None:
        self._sqlite = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._sqlite.row_factory = sqlite3.Row
        self._sqlite.executescript("PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")
        self._sqlite.executescript(TABLES)
        for table in GRANTABLE:
            self._sqlite.executescript(GRANTS.format(table=table))

    def close(self) -> None:
        """Close the database."""
        self._sqlite.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep the writes of the block, or none of them if it raises an exception. Blocks may be nested."""
        self._sqlite.execute("SAVEPOINT block")
        try:
            yield
        except BaseException:
            self._sqlite.execute("ROLLBACK TO block")
            raise
        finally:
            self._sqlite.execute("RELEASE block")

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self._sqlite.execute(query, values).fetchall()

    def first(self, query: str, *values: object) -> sqlite3.Row | None:
        """Return the first row of a query, or ``None``."""
        row: sqlite3.Row | None = self._sqlite.execute(query, values).fetchone()
        return row

    def write(self, query: str, *values: object) -> sqlite3.Cursor:
        """Run a statement that changes the database."""
        return self._sqlite.execute(query, values)

    def insert(self, query: str, *values: object) -> int:
        """Run an INSERT and return the new row's id."""
        row_id = self._sqlite.execute(query, values).lastrowid
        assert row_id is not None  # noqa: S101 - an INSERT that did not raise has one
        return row_id
