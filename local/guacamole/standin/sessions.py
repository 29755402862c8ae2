"""Sessions of users who logged in. They live in memory, as in Guacamole: a restart ends all of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from standin.errors import JSON


@dataclass
class Session:
    """One token and its user."""

    token: str = field(repr=False)
    username: str
    user: int
    """The account's id."""
    data_source: str
    data_sources: tuple[str, ...]
    about: JSON
    """The account as JSON, at the time of the log-in. ``self`` returns it later too (recorded: deleted-user-self)."""
    last_used: float
    """Seconds since the epoch."""
    signed_in_by: str = ""
    """What let the user in, where it is not the data source."""


class Sessions:
    """Live sessions by token. A token dies when it was unused for ``lifetime`` and none of its tunnels is open.

    Args:
        lifetime: Seconds.
        clock: Returns the time in seconds since the epoch.
        has_tunnel: Returns whether a token has an open tunnel.
    """

    def __init__(self, lifetime: float, clock: Callable[[], float], has_tunnel: Callable[[str], bool]) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._has_tunnel = has_tunnel
        self._live: dict[str, Session] = {}

    def open(self, username: str, user: int, sources: tuple[str, ...], about: JSON) -> Session:
        """Start a session with a new token. The first of ``sources`` is the user's data source."""
        token = secrets.token_hex(32).upper()
        session = Session(token, username, user, sources[0], sources, about, self._clock())
        self._live[token] = session
        return session

    def find(self, token: str | None) -> Session | None:
        """Return the live session of a token, and ``None`` for a dead one. The token counts as used."""
        session = self._live.get(token or "")
        if session is None:
            return None
        if self._clock() - session.last_used > self._lifetime and not self._has_tunnel(session.token):
            return None
        session.last_used = self._clock()
        return session

    def end(self, token: str) -> Session | None:
        """Forget a token, and return its session if it was known."""
        return self._live.pop(token, None)

    def idle(self) -> list[Session]:
        """Return the sessions whose tokens are dead and not yet forgotten."""
        deadline = self._clock() - self._lifetime
        return [s for s in self._live.values() if s.last_used < deadline and not self._has_tunnel(s.token)]
