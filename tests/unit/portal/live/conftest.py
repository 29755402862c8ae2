"""A portal with a watch, which sees what a test shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.session_cache import SessionCache
from unit.portal.fakes import FakeGuacamole, FakeStore, write_samples
from unit.portal.portals import Portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def cache() -> SessionCache:
    """A cache that was filled, by a list without sessions."""
    cache = SessionCache()
    cache.sessions.listed()
    cache.classes.listed()
    return cache


@pytest.fixture
async def portal(tmp_path: Path, cache: SessionCache) -> AsyncIterator[Portal]:
    made = Portal(FakeStore(), FakeGuacamole(), write_samples(tmp_path), cache=cache)
    yield made
    await made.close()
