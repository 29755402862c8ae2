"""What the probes of Kubernetes ask: whether the portal runs, and whether it can show sessions."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from blendersessions_portal.freshness import Freshness

PATIENCE_SECONDS: Final = 30.0
"""How long the first list is waited for. After it people come in, and read on the pages what is wrong."""


@dataclass
class HealthPages:
    """The endpoints.

    Attributes:
        sessions: how current the sessions are; None if nothing is watched.
        clock: a monotonic clock in seconds.
    """

    sessions: Freshness | None
    clock: Callable[[], float] = time.monotonic
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun = self.clock()

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        return [Route("/healthz", self.health), Route("/readyz", self.ready)]

    async def health(self, _request: Request) -> Response:
        """Answer while the event loop runs."""
        return PlainTextResponse("ok\n")

    async def ready(self, _request: Request) -> Response:
        """Say whether people may come: the sessions were listed, or it is known or likely that they will not be."""
        state = self.sessions
        if state is None or state.is_filled:
            return PlainTextResponse("ok\n")
        if state.refused:
            return PlainTextResponse("ok, but each page reads sessions, since they may not be watched\n")
        # Everybody can ask. The API server's words are in the log.
        why = "The log has the reason." if state.fails else "The API server was asked."
        if self.clock() - self._begun >= PATIENCE_SECONDS:
            return PlainTextResponse(f"ok, but sessions were not listed. {why}\n")
        return PlainTextResponse(f"Sessions were not listed yet. {why}\n", 503)
