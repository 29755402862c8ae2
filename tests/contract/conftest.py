"""The Guacamole that contract tests talk to: the stand-in on a free loopback port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.standins import Guacamole, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def guacamole_standin() -> Iterator[Guacamole]:
    """An empty stand-in of its own for one test: ``url``, ``username``, ``password``."""
    with running() as guacamole:
        yield guacamole
