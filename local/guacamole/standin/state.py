"""The state that the stand-in's requests share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from standin import attributes
from standin.errors import GuacamoleError, dead_token
from standin.sessions import Sessions
from standin.store.connections import Connections
from standin.store.groups import Groups
from standin.store.permissions import SYSTEM_PERMISSIONS, Permissions
from standin.store.schema import Database
from standin.store.users import Users
from standin.tunnels import Tunnels

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from standin.sessions import Session
    from standin.settings import Settings


class State:
    """The database, the live sessions and the open tunnels of one stand-in.

    Args:
        settings: The stand-in's settings.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.database)
        self.connections = Connections(self.database)
        self.groups = Groups(self.database)
        self.users = Users(self.database)
        self.permissions = Permissions(self.database)
        self.tunnels = Tunnels()
        self.sessions = Sessions(settings.token_lifetime, clock, lambda token: bool(self.tunnels.of_token(token)))
        self._make_administrator()

    def now(self) -> int:
        """Return the time in milliseconds since the epoch."""
        return int(self.clock() * 1000)

    def session(self, request: Request) -> Session:
        """Return the session of a request's token. The header takes precedence over the query.

        (recorded: token-by-header, token-by-query, token-header-wins-over-query)


        Raises:
            GuacamoleError: The token is missing or dead.
        """
        session = self.sessions.find(request.headers.get("guacamole-token") or request.query_params.get("token"))
        if session is None:
            raise dead_token()
        return session

    def session_in(self, request: Request) -> Session:
        """Return the session of a request whose path names the data source of the session.

        Raises:
            GuacamoleError: The token is missing or dead, or the path names another data source (recorded:
                datasource-unknown).
        """
        session = self.session(request)
        source = request.path_params["source"]
        if source != session.data_source:
            message = f'Session not associated with authentication provider "{source}".'
            raise GuacamoleError(404, "NOT_FOUND", message)
        return session

    def end_session(self, token: str) -> bool:
        """End a session and close its tunnels. Return whether the token was known (recorded: logout, logout-twice)."""
        if self.sessions.end(token) is None:
            return False
        self.tunnels.end_of_token(token)
        return True

    def sweep(self) -> None:
        """End the sessions whose tokens are dead."""
        for session in self.sessions.idle():
            self.end_session(session.token)

    def _make_administrator(self) -> None:
        name = self.settings.admin_username
        if self.users.named(name) is not None:
            return
        with self.database.transaction():
            user = self.users.create(name, self.settings.admin_password, attributes.stored(attributes.USER, {}))
            self.permissions.grant("user", user, user, ("READ", "UPDATE", "ADMINISTER"))
            for permission in SYSTEM_PERMISSIONS:
                # Guacamole's first administrator lacks AUDIT, which ADMINISTER implies (recorded: self-permissions).
                if permission != "AUDIT":
                    self.permissions.grant_system(user, permission)
