"""A portal over fakes, and browsers that keep their cookies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from blendersessions_portal.app import create_app
from blendersessions_portal.sign_on_settings import GUESTS
from unit.portal.fakes import KEY, PUBLIC_URL, FakeGuacamole, FakeStore

if TYPE_CHECKING:
    from pathlib import Path

    from blendersessions_portal.session_cache import SessionCache
    from blendersessions_portal.sign_on_settings import SignOnSettings


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
    sign_on: SignOnSettings = GUESTS
    peer: str = "127.0.0.1"
    """The address from which the portal's connections come."""
    cache: SessionCache | None = None
    """What a watch would show; None if nothing is watched."""

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
            sign_on=self.sign_on,
            cache=self.cache,
        )
        for browser in self._browsers:
            browser._transport = self._transport()

    def browser(self) -> Browser:
        """Return a browser without cookies."""
        browser = Browser(transport=self._transport(), base_url=self.public_url)
        self._browsers.append(browser)
        return browser

    def _transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(self.peer, 40000))

    async def close(self) -> None:
        """Close the browsers."""
        for browser in self._browsers:
            await browser.aclose()
