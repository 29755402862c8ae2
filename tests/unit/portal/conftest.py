"""A portal over fakes, and browsers that keep their cookies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from blendersessions_portal.app import create_app
from unit.portal.fake_agent import FakeAgent, running
from unit.portal.fakes import KEY, NOW, PUBLIC_URL, FakeGuacamole, FakeStore, write_samples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import tzinfo
    from pathlib import Path


class Browser(httpx.AsyncClient):
    """A browser that fills in the forms of the last page that it loaded."""

    csrf = ""

    async def see(self, address: str) -> httpx.Response:
        """Load a page and take the token of its forms."""
        answer = await self.get(address)
        if found := re.search(r'name="csrf" value="([^"]+)"', answer.text):
            self.csrf = found[1]
        return answer

    async def submit(self, address: str, **fields: str) -> httpx.Response:
        """Send a form of the page seen last."""
        return await self.post(address, data={"csrf": self.csrf, **fields})

    async def start(self, sample: str = "shopping_cart.blend", **fields: str) -> str:
        """Start a session from the home page, and return its name."""
        await self.see("/")
        answer = await self.submit("/sessions", sample=sample, **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].removeprefix("/sessions/")


@dataclass
class Portal:
    """A portal, with the fakes behind it."""

    store: FakeStore
    guacamole: FakeGuacamole
    samples_dir: Path
    public_url: str = PUBLIC_URL
    max_sessions: int = 3
    max_sessions_of_all: int = 60

    def __post_init__(self) -> None:
        self._browsers: list[Browser] = []
        self.restart()

    def restart(self) -> None:
        """Replace the portal by a new one, as after a restart of its process."""
        self.app = create_app(
            store=self.store,
            guacamole=self.guacamole,
            cookie_key=KEY,
            public_url=self.public_url,
            samples_dir=self.samples_dir,
            max_sessions=self.max_sessions,
            max_sessions_of_all=self.max_sessions_of_all,
        )
        for browser in self._browsers:
            browser._transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)

    def browser(self) -> Browser:
        """Return a browser without cookies."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        browser = Browser(transport=transport, base_url=self.public_url)
        self._browsers.append(browser)
        return browser

    async def close(self) -> None:
        """Close the browsers."""
        for browser in self._browsers:
            await browser.aclose()


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
