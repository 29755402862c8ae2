"""What contract tests talk to and with: the stand-in on a free loopback port, and a real browser."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from contract.guacamole_access import INSTALLATION, signed_in
from contract.standins import Guacamole, running
from waiting import DEADLINE_MILLISECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from blendersessions.clients.guacamole.client import GuacamoleClient


@pytest.fixture
def guacamole_standin() -> Iterator[Guacamole]:
    """An empty stand-in of its own for one test: ``url``, ``username``, ``password``."""
    with running() as guacamole:
        yield guacamole


@pytest.fixture
async def client(guacamole_standin: Guacamole, tmp_path: Path) -> AsyncIterator[GuacamoleClient]:
    """A signed-in client of that stand-in."""
    async with signed_in(guacamole_standin, tmp_path) as client:
        yield client


@pytest.fixture
def directory(client: GuacamoleClient) -> GuacamoleDirectory:
    """The operator's view of that stand-in."""
    return GuacamoleDirectory(client, INSTALLATION)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of one file."""
    chromium = shutil.which("chromium")
    assert chromium, "There is no Chromium: install the Debian package chromium, or run `make test`, which does."
    with sync_playwright() as playwright:
        expect.set_options(timeout=DEADLINE_MILLISECONDS)
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"], timeout=DEADLINE_MILLISECONDS
        )
        yield browser
        browser.close()
