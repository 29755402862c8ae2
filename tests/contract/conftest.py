"""The Guacamole that contract tests talk to: the stand-in on a free loopback port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from contract.guacamole_access import INSTALLATION, signed_in
from contract.standins import Guacamole, running

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
