"""A portal in which people are who a proxy says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.portal.fakes import FakeGuacamole, FakeStore, write_samples
from unit.portal.header_sign_on.people import PROXY, settings
from unit.portal.portals import Portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Portal]:
    made = Portal(FakeStore(), FakeGuacamole(), write_samples(tmp_path), sign_on=settings(), peer=PROXY)
    yield made
    await made.close()
