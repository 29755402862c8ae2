"""The state that the stand-in's requests share: the database, the live sessions and the open tunnels."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from standin import attributes
from standin.answers import permission_denied
from standin.permissions import SYSTEM_PERMISSIONS
from standin.store import SYSTEM, Store, Values
from standin.tunnels import Tunnels
from standin.users import ENABLED, Users, hidden_password

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from standin.settings import Settings


@dataclass
class Session:
    """One token and its user. Sessions live in memory, as in Guacamole: a restart ends all of them."""

    token: str = field(repr=False)
    username: str
    user: int
    """The account's id. There may be none any more."""
    last_used: float
    """Seconds since the epoch."""
    by_header: bool = False
    """Whether a header named the user."""


class State:
    """All that one stand-in knows.

    Args:
        settings: The stand-in's settings.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.store = Store(settings.database)
        self.tunnels = Tunnels()
        self._sessions: dict[str, Session] = {}
        if not self.store.named(Users.kind, settings.admin_username):
            self._make_administrator(settings.admin_username, settings.admin_password)

    def now(self) -> int:
        """Return the time in milliseconds since the epoch."""
        return int(self.clock() * 1000)

    def open_session(self, username: str, user: int) -> Session:
        """Start a session with a new token, and forget those whose tokens are dead."""
        self._sessions = {token: each for token, each in self._sessions.items() if not self._is_dead(each)}
        session = Session(secrets.token_hex(32).upper(), username, user, self.clock())
        self._sessions[session.token] = session
        return session

    def live_session(self, token: str | None) -> Session | None:
        """Return the session of a token, and ``None`` if it is dead. The token counts as used.

        A token dies when it was unused for ``settings.token_lifetime`` and none of its tunnels is open.
        """
        session = self._sessions.get(token or "")
        if session is None or self._is_dead(session):
            return None
        session.last_used = self.clock()
        return session

    def session(self, request: Request) -> Session:
        """Return the session of a request's token.

        Raises:
            GuacamoleError: The token is missing or dead (recorded: anonymous-login-then-list, dead-token-data).
        """
        session = self.live_session(request.headers.get("guacamole-token"))
        if session is None:
            raise permission_denied("Permission Denied.")
        return session

    def end_session(self, token: str) -> bool:
        """End a session and close its tunnels. Return whether the token was known (recorded: logout, logout-twice)."""
        for uuid in self.tunnels.of_token(token):
            self.tunnels.end(uuid)
        return self._sessions.pop(token, None) is not None

    def _is_dead(self, session: Session) -> bool:
        unused = self.clock() - session.last_used
        return unused > self.settings.token_lifetime and not self.tunnels.of_token(session.token)

    def _make_administrator(self, name: str, password: str) -> None:
        values = Values(name, None, ENABLED, attributes.stored(attributes.USER, {}), hidden_password(password))
        with self.store.transaction():
            user = self.store.insert(Users.kind, values)
            self.store.grant(user, user, ("READ", "UPDATE", "ADMINISTER"))
            # Guacamole's first administrator lacks AUDIT, which ADMINISTER implies.
            self.store.grant(user, SYSTEM, (each for each in SYSTEM_PERMISSIONS if each != "AUDIT"))
