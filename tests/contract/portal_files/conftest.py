"""What the tests of a person's files share: a portal whose desktops all have one agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.served_portal import serving_files
from unit.portal.fake_agent import FakeAgent, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contract.served_portal import Served


@pytest.fixture(scope="module")
def served_agent() -> Iterator[FakeAgent]:
    """An agent on a loopback port, for the tests of one file."""
    with running() as agent:
        yield agent


@pytest.fixture
def agent(served_agent: FakeAgent) -> FakeAgent:
    """That agent, which remembers nothing of another test."""
    served_agent.forget()
    return served_agent


@pytest.fixture
def portal(tmp_path: Path, agent: FakeAgent) -> Iterator[Served]:
    """The portal."""
    with serving_files(tmp_path, agent) as served:
        yield served
