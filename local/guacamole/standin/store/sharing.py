"""Sharing profiles: how a running connection looks to those it is shared with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from standin.store.schema import Database


@dataclass(frozen=True)
class Profile:
    """One sharing profile as it is stored."""

    id: int
    connection: int
    name: str
    parameters: dict[str, str]

    @classmethod
    def of(cls, row: sqlite3.Row) -> Profile:
        """Make one of a row."""
        return cls(row["id"], row["connection"], row["name"], json.loads(row["parameters"]))


class Profiles:
    """Reads and writes sharing profiles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, identifier: int) -> Profile | None:
        """Return one profile."""
        row = self._database.first("SELECT * FROM sharing_profile WHERE id = ?", identifier)
        return None if row is None else Profile.of(row)

    def all(self) -> list[Profile]:
        """Return all profiles."""
        return [Profile.of(row) for row in self._database.all("SELECT * FROM sharing_profile")]

    def count(self, name: str, connection: int, other_than: int | None = None) -> int:
        """Return how many profiles of this name a connection has."""
        query = "SELECT COUNT(*) AS n FROM sharing_profile WHERE name = ? AND connection = ? AND id IS NOT ?"
        row = self._database.first(query, name, connection, other_than)
        return 0 if row is None else int(row["n"])

    def create(self, name: str, connection: int, parameters: Mapping[str, str]) -> int:
        """Store a new profile and return its id."""
        query = "INSERT INTO sharing_profile (name, connection, parameters) VALUES (?, ?, ?)"
        return self._database.insert(query, name, connection, json.dumps(dict(parameters)))

    def replace(self, identifier: int, name: str, connection: int, parameters: Mapping[str, str]) -> None:
        """Store other values for a profile."""
        query = "UPDATE sharing_profile SET name = ?, connection = ?, parameters = ? WHERE id = ?"
        self._database.write(query, name, connection, json.dumps(dict(parameters)), identifier)

    def delete(self, identifier: int) -> None:
        """Remove a profile."""
        self._database.write("DELETE FROM sharing_profile WHERE id = ?", identifier)
