"""History: past and open tunnels, past and open sign-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from standin.errors import internal_error, json_response

if TYPE_CHECKING:
    import sqlite3

    from starlette.requests import Request
    from starlette.responses import Response

    from standin.directories.connections import ConnectionDirectory
    from standin.directories.users import UserDirectory
    from standin.errors import JSON
    from standin.sessions import Session
    from standin.state import State


class HistoryRoutes:
    """Reads history. A plain user sees only the own rows."""

    def __init__(self, state: State, connections: ConnectionDirectory, users: UserDirectory) -> None:
        self._state = state
        self._connections = connections
        self._users = users

    def routes(self) -> list[Route]:
        """Return the routes of this noun."""
        base = "/api/session/data/{source}"
        return [
            Route(base + "/connections/{identifier}/history", self.of_connection, methods=["GET"]),
            Route(base + "/users/{user}/history", self.of_user, methods=["GET"]),
            Route(base + "/history/connections", self.tunnels, methods=["GET"]),
            Route(base + "/history/users", self.sign_ins, methods=["GET"]),
        ]

    async def of_connection(self, request: Request) -> Response:
        """Return the tunnels of one connection, the newest first."""
        session = self._state.session_in(request)
        connection = self._connections.find(session, request.path_params["identifier"])
        return json_response(self._seen(session, self._state.history.tunnels(connection.id)))

    async def tunnels(self, request: Request) -> Response:
        """Return all tunnels, the newest first; ``contains`` searches users and connections that still exist."""
        session = self._state.session_in(request)
        rows = self._state.history.tunnels()
        for needle in request.query_params.getlist("contains"):
            rows = [row for row in rows if _contains(row, needle)]
        if request.query_params.get("order") == "startDate":
            rows.reverse()
        return json_response(self._seen(session, rows))

    async def of_user(self, request: Request) -> Response:
        """Return the sign-ins under one user's name, the newest first."""
        session = self._state.session_in(request)
        user = self._users.find(session, request.path_params["user"])
        return json_response([_common(row) for row in self._state.history.sign_ins(user.name)])

    async def sign_ins(self, request: Request) -> Response:
        """Return the sign-ins of whom one may see. Searching them fails in the original, so it does here."""
        session = self._state.session_in(request)
        if request.query_params.get("contains"):
            raise internal_error()
        seen = self._users.visible(session)
        return json_response([_common(row) for user in seen for row in self._state.history.sign_ins(user.name)])

    def _seen(self, session: Session, rows: list[sqlite3.Row]) -> list[JSON]:
        everything = session.user is not None and self._state.permissions.has_system(session.user, "AUDIT")
        return [_tunnel(row) for row in rows if everything or row["username"] == session.username]


def _contains(row: sqlite3.Row, needle: str) -> bool:
    in_connection = row["connection"] is not None and needle in row["connection_name"]
    return in_connection or needle in row["username"]


def _common(row: sqlite3.Row) -> dict[str, JSON]:
    return {
        "startDate": row["start"],
        "endDate": row["finish"],
        "remoteHost": row["remote_host"],
        "username": row["username"],
        # The original says false even while it is open; a null endDate is the sign.
        "active": False,
        "identifier": str(row["id"]),
        "uuid": row["uuid"],
        "attributes": {},
        "logs": {},
    }


def _tunnel(row: sqlite3.Row) -> dict[str, JSON]:
    return {
        **_common(row),
        "connectionIdentifier": None if row["connection"] is None else str(row["connection"]),
        "connectionName": row["connection_name"],
        "sharingProfileIdentifier": None if row["profile"] is None else str(row["profile"]),
        "sharingProfileName": row["profile_name"],
    }
