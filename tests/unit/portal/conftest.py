"""What tests of the portal share."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from unit.portal.fake_agent import FakeAgent, running
from unit.portal.fakes import NOW, FakeGuacamole, FakeStore, write_samples
from unit.portal.portals import Browser, Portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import tzinfo
    from pathlib import Path


@pytest.fixture(autouse=True)
def _pages_use_a_fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:  # noqa: ANN401 - the base class would return its own class
            return NOW.astimezone(tz)

    monkeypatch.setattr("blendersessions_portal.rendering.datetime", Clock)


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Portal]:
    made = Portal(FakeStore(), FakeGuacamole(), write_samples(tmp_path))
    yield made
    await made.close()


@pytest.fixture
def browser(portal: Portal) -> Browser:
    return portal.browser()


@pytest.fixture(scope="module")
def served_agent() -> Iterator[FakeAgent]:
    """An agent on a loopback port, for the tests of one file."""
    with running() as agent:
        yield agent


@pytest.fixture
def agent(portal: Portal, served_agent: FakeAgent) -> FakeAgent:
    """That agent, which is every desktop's and remembers nothing of another test."""
    served_agent.forget()
    portal.store.agent_url = served_agent.url
    return served_agent


@pytest.fixture
async def session(portal: Portal, browser: Browser) -> str:
    """The address of a session that is ready."""
    name = await browser.start()
    portal.store.make_ready(name)
    return f"/sessions/{name}"
