"""The history of tunnels and of sign-ins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from standin.store.schema import Database


@dataclass(frozen=True)
class TunnelRecord:
    """What is written when a tunnel opens; times are in milliseconds since the epoch."""

    uuid: str
    connection: int
    connection_name: str
    profile: int | None
    profile_name: str | None
    username: str
    remote_host: str
    start: int


class History:
    """Reads and writes history. Rows survive what they tell of: a deleted connection's rows keep its name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tunnel_opened(self, record: TunnelRecord) -> None:
        """Write the start of a tunnel."""
        self._database.write(
            "INSERT INTO connection_history"
            " (uuid, connection, connection_name, profile, profile_name, username, remote_host, start)"
            " VALUES (?, (SELECT id FROM connection WHERE id = ?), ?,"
            " (SELECT id FROM sharing_profile WHERE id = ?), ?, ?, ?, ?)",
            record.uuid,
            record.connection,
            record.connection_name,
            record.profile,
            record.profile_name,
            record.username,
            record.remote_host,
            record.start,
        )

    def tunnel_closed(self, uuid: str, at: int) -> None:
        """Write the end of a tunnel."""
        self._database.write("UPDATE connection_history SET finish = ? WHERE uuid = ?", at, uuid)

    def signed_in(self, uuid: str, username: str, remote_host: str, at: int) -> None:
        """Write the start of a sign-in."""
        query = "INSERT INTO user_history (uuid, username, remote_host, start) VALUES (?, ?, ?, ?)"
        self._database.write(query, uuid, username, remote_host, at)

    def signed_out(self, uuid: str, at: int) -> None:
        """Write the end of a sign-in."""
        self._database.write("UPDATE user_history SET finish = ? WHERE uuid = ?", at, uuid)

    def tunnels(self, connection: int | None = None) -> list[sqlite3.Row]:
        """Return tunnels, the newest first, of one connection or of all."""
        if connection is None:
            return self._database.all("SELECT * FROM connection_history ORDER BY start DESC, id DESC LIMIT 1000")
        query = "SELECT * FROM connection_history WHERE connection = ? ORDER BY start DESC, id DESC LIMIT 1000"
        return self._database.all(query, connection)

    def sign_ins(self, username: str) -> list[sqlite3.Row]:
        """Return the sign-ins of one user name, the newest first."""
        query = "SELECT * FROM user_history WHERE username = ? ORDER BY start DESC, id DESC LIMIT 1000"
        return self._database.all(query, username)
