"""Connection groups."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from standin.store.schema import Database


@dataclass(frozen=True)
class Group:
    """One connection group as it is stored."""

    id: int
    parent: int | None
    """The id of the group that contains this one; ``None`` for ROOT."""
    name: str
    type: str
    attributes: dict[str, str | None]

    @classmethod
    def of(cls, row: sqlite3.Row) -> Group:
        """Return the group in a row."""
        return cls(row["id"], row["parent"], row["name"], row["type"], json.loads(row["attributes"]))


class Groups:
    """Reads and writes connection groups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, identifier: int) -> Group | None:
        """Return one group."""
        row = self._database.first("SELECT * FROM connection_group WHERE id = ?", identifier)
        return None if row is None else Group.of(row)

    def all(self) -> list[Group]:
        """Return all groups."""
        return [Group.of(row) for row in self._database.all("SELECT * FROM connection_group")]

    def count(self, name: str, parent: int | None, other_than: int | None = None) -> int:
        """Return how many groups with this name a group has, apart from the one with the id ``other_than``."""
        query = "SELECT COUNT(*) AS n FROM connection_group WHERE name = ? AND parent IS ? AND id IS NOT ?"
        row = self._database.first(query, name, parent, other_than)
        return 0 if row is None else int(row["n"])

    def create(self, name: str, parent: int | None, kind: str, attributes: Mapping[str, str | None]) -> int:
        """Store a new group and return its id."""
        return self._database.insert(
            "INSERT INTO connection_group (name, parent, type, attributes) VALUES (?, ?, ?, ?)",
            name,
            parent,
            kind,
            json.dumps(dict(attributes)),
        )

    def replace(
        self, identifier: int, name: str, parent: int | None, kind: str, attributes: Mapping[str, str | None]
    ) -> None:
        """Replace the values of a group."""
        self._database.write(
            "UPDATE connection_group SET name = ?, parent = ?, type = ?, attributes = ? WHERE id = ?",
            name,
            parent,
            kind,
            json.dumps(dict(attributes)),
            identifier,
        )

    def delete(self, identifier: int) -> None:
        """Remove a group with all groups and connections in it."""
        self._database.write("DELETE FROM connection_group WHERE id = ?", identifier)

    def is_inside(self, identifier: int | None, ancestor: int) -> bool:
        """Return whether a group is another group or somewhere inside it."""
        while identifier is not None:
            if identifier == ancestor:
                return True
            group = self.get(identifier)
            identifier = None if group is None else group.parent
        return False
