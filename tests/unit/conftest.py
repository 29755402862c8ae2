"""What tests of several units share."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from clock import Clock
from scene import addresses

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    """A clock that only the test moves."""
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def loopback_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a setting open the addresses that a test's own server has. No setting does in a desktop."""
    others = [each for each in addresses.NEVER_OPEN if ip_address("127.0.0.1") not in each]
    monkeypatch.setattr(addresses, "NEVER_OPEN", tuple(others))
