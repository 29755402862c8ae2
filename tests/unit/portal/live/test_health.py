"""The portal is ready when it can show sessions, or when waiting for that would help nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from blendersessions.model.errors import System, Unauthorised, Unavailable
from blendersessions_portal.health_pages import PATIENCE_SECONDS, HealthPages
from blendersessions_portal.session_cache import SessionCache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clock import Clock


class Probed:
    """The probes of a portal that has just begun."""

    def __init__(self, clock: Clock) -> None:
        self.cache = SessionCache()
        app = Starlette(routes=HealthPages(self.cache.sessions, clock).routes())
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test")

    async def ready(self) -> tuple[int, str]:
        answer = await self._client.get("/readyz")
        assert (await self._client.get("/healthz")).status_code == 200
        return answer.status_code, answer.text


@pytest.fixture
def probed(clock: Clock) -> Iterator[Probed]:
    probed = Probed(clock)
    yield probed
    probed.cache.close()


async def test_it_is_ready_when_sessions_were_listed_and_stays_so(probed: Probed) -> None:
    assert await probed.ready() == (503, "Sessions were not listed yet. The API server was asked.\n")
    probed.cache.sessions.listed()
    assert await probed.ready() == (200, "ok\n")


async def test_it_says_that_something_is_wrong_in_words_that_anybody_may_read(probed: Probed, clock: Clock) -> None:
    probed.cache.sessions.ended(Unavailable("10.0.0.1 does not answer", System.KUBERNETES))
    assert await probed.ready() == (503, "Sessions were not listed yet. The log has the reason.\n")
    clock.now += PATIENCE_SECONDS
    assert await probed.ready() == (200, "ok, but sessions were not listed. The log has the reason.\n")
    probed.cache.sessions.listed()
    assert await probed.ready() == (200, "ok\n")


async def test_it_is_ready_where_it_may_not_watch(probed: Probed) -> None:
    probed.cache.sessions.ended(Unauthorised("You may not list.", System.KUBERNETES))
    assert await probed.ready() == (200, "ok, but each page reads sessions, since they may not be watched\n")
