"""Where the agents of desktops are. It is remembered for some seconds, for the many pictures of one page."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from blendersessions.clients.agent import AgentEndpoint
    from blendersessions_portal.session_view import SessionView

KNOWN_SECONDS: Final = 5.0
"""A pod that is another one by then is noticed at once: it is not there, or refuses the token."""


@dataclass(frozen=True)
class _Known:
    finding: asyncio.Task[AgentEndpoint]
    until: float

    def is_fresh(self, now: float) -> bool:
        return not self.finding.done() or now < self.until


class KnownDesktops:
    """Finds the agents of sessions' desktops, and remembers each for `KNOWN_SECONDS`.

    Args:
        find: reads from the cluster where a session's agent is. What it raises is not remembered.
        clock: returns seconds on a monotonic clock.
    """

    def __init__(
        self, find: Callable[[SessionView], Awaitable[AgentEndpoint]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._find = find
        self._clock = clock
        self._known: dict[tuple[str, str], _Known] = {}
        """By the session's UID and the name of its pod."""

    async def of(self, session: SessionView, *, may_be_known: bool) -> AgentEndpoint:
        """Return where a session's agent is. Those who ask while it is being read share what is read.

        Args:
            session: the session.
            may_be_known: whether it may be what was read some seconds ago.
        """
        key, now = (session.uid, session.session.desktop.name), self._clock()
        known = self._known.get(key)
        if known is None or not known.is_fresh(now) or (known.finding.done() and not may_be_known):
            self._known = {each: other for each, other in self._known.items() if other.is_fresh(now)}
            known = self._known[key] = _Known(asyncio.create_task(self._read(session)), now + KNOWN_SECONDS)
            known.finding.add_done_callback(lambda finding: self._forget_failed(key, finding))
        # The others still want it if one goes away.
        return await asyncio.shield(known.finding)

    async def _read(self, session: SessionView) -> AgentEndpoint:
        return await self._find(session)

    def _forget_failed(self, key: tuple[str, str], finding: asyncio.Task[AgentEndpoint]) -> None:
        if finding.cancelled() or finding.exception() is not None:
            known = self._known.get(key)
            if known is not None and known.finding is finding:
                del self._known[key]
