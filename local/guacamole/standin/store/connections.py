"""Connections."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from standin.store.schema import Database


@dataclass(frozen=True)
class Connection:
    """One connection as it is stored."""

    id: int
    parent: int | None
    """The id of the group; ``None`` for ROOT."""
    name: str
    protocol: str
    stored_parameters: str = field(repr=False)
    attributes: dict[str, str | None]
    last_active: int | None
    """When a tunnel was last opened, in milliseconds since the epoch."""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters, including passwords. They are parsed on demand, because lists do not show them."""
        parameters: dict[str, str] = json.loads(self.stored_parameters)
        return parameters

    @classmethod
    def of(cls, row: sqlite3.Row) -> Connection:
        """Return the connection in a row."""
        return cls(
            id=row["id"],
            parent=row["parent"],
            name=row["name"],
            protocol=row["protocol"],
            stored_parameters=row["parameters"],
            attributes=json.loads(row["attributes"]),
            last_active=row["last_active"],
        )


class Connections:
    """Reads and writes connections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, identifier: int) -> Connection | None:
        """Return one connection."""
        row = self._database.first("SELECT * FROM connection WHERE id = ?", identifier)
        return None if row is None else Connection.of(row)

    def all(self) -> list[Connection]:
        """Return all connections."""
        return [Connection.of(row) for row in self._database.all("SELECT * FROM connection")]

    def count(self, name: str, parent: int | None, other_than: int | None = None) -> int:
        """Return how many connections with this name a group has, apart from the one with the id ``other_than``."""
        query = "SELECT COUNT(*) AS n FROM connection WHERE name = ? AND parent IS ? AND id IS NOT ?"
        row = self._database.first(query, name, parent, other_than)
        return 0 if row is None else int(row["n"])

    def create(
        self,
        name: str,
        parent: int | None,
        protocol: str,
        parameters: Mapping[str, str],
        attributes: Mapping[str, str | None],
    ) -> int:
        """Store a new connection and return its id."""
        return self._database.insert(
            "INSERT INTO connection (name, parent, protocol, parameters, attributes) VALUES (?, ?, ?, ?, ?)",
            name,
            parent,
            protocol,
            json.dumps(dict(parameters)),
            json.dumps(dict(attributes)),
        )

    def replace(
        self,
        identifier: int,
        name: str,
        parent: int | None,
        protocol: str,
        parameters: Mapping[str, str],
        attributes: Mapping[str, str | None],
    ) -> None:
        """Replace the values of a connection."""
        self._database.write(
            "UPDATE connection SET name = ?, parent = ?, protocol = ?, parameters = ?, attributes = ? WHERE id = ?",
            name,
            parent,
            protocol,
            json.dumps(dict(parameters)),
            json.dumps(dict(attributes)),
            identifier,
        )

    def opened(self, identifier: int, at: int) -> None:
        """Store when a tunnel to a connection was last opened, in milliseconds since the epoch."""
        self._database.write("UPDATE connection SET last_active = ? WHERE id = ?", at, identifier)

    def delete(self, identifier: int) -> None:
        """Remove a connection and its grants."""
        self._database.write("DELETE FROM connection WHERE id = ?", identifier)
