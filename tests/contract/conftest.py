"""What contract tests talk to and with: the stand-in on a free loopback port, and a real browser."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from contract.agent_standin import running_agent
from contract.browsing import Site
from contract.fake_guacd import fake_guacd
from contract.guacamole_access import INSTALLATION, signed_in
from contract.kube import serving
from contract.standins import Guacamole, running
from waiting import DEADLINE_MILLISECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from blendersessions.clients.guacamole.client import GuacamoleClient
    from contract.agent_standin import AgentStandin
    from contract.fake_guacd import FakeGuacd
    from contract.kube import Cluster


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


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster for the command, which the kubeconfig names, and a cache folder of its own."""
    with serving(tmp_path) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield cluster


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentStandin]:
    """An agent for the files of a desktop, with an empty home folder."""
    with running_agent(tmp_path / "home") as agent:
        yield agent


@pytest.fixture
def guacd() -> Iterator[FakeGuacd]:
    """A guacd that draws what the test says."""
    with fake_guacd() as guacd:
        yield guacd


@pytest.fixture
def site(guacd: FakeGuacd) -> Iterator[Site]:
    """A stand-in before that guacd, with a connection in it."""
    with running(guacd.port) as guacamole, ExitStack() as sockets:
        yield Site(guacamole, sockets)


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
