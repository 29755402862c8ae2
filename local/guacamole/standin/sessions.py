"""Signed-in sessions. They live in memory, as Apache's do: a restart signs everybody out."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from standin.errors import JSON


@dataclass
class Session:
    """One token and whom it stands for."""

    token: str = field(repr=False)
    username: str
    user: int
    """The account's id."""
    data_source: str
    data_sources: tuple[str, ...]
    about: JSON
    """The account as it was at sign-in; ``self`` keeps answering with it."""
    last_used: float


class Sessions:
    """Live tokens. One dies when nobody has used it for ``lifetime`` seconds and no tunnel of it is open."""

    def __init__(self, lifetime: float, clock: Callable[[], float], has_tunnel: Callable[[str], bool]) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._has_tunnel = has_tunnel
        self._live: dict[str, Session] = {}

    def open(self, username: str, user: int, sources: tuple[str, ...], about: JSON) -> Session:
        """Start a session with a fresh token."""
        token = secrets.token_hex(32).upper()
        session = Session(token, username, user, sources[0], sources, about, self._clock())
        self._live[token] = session
        return session

    def find(self, token: str | None) -> Session | None:
        """Return the live session of a token, which counts as using it."""
        session = self._live.get(token or "")
        if session is None:
            return None
        if self._clock() - session.last_used > self._lifetime and not self._has_tunnel(session.token):
            return None
        session.last_used = self._clock()
        return session

    def end(self, token: str) -> Session | None:
        """Forget a token; return its session if it was alive."""
        return self._live.pop(token, None)

    def idle(self) -> list[Session]:
        """Return the sessions that outlived their time."""
        deadline = self._clock() - self._lifetime
        return [s for s in self._live.values() if s.last_used < deadline and not self._has_tunnel(s.token)]
