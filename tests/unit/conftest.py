"""What tests of several units share."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from clock import Clock
from scene import addresses


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loopback_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a setting open the addresses that a test's own server has. No setting does in a desktop."""
    others = [each for each in addresses.NEVER_OPEN if ip_address("127.0.0.1") not in each]
    monkeypatch.setattr(addresses, "NEVER_OPEN", tuple(others))
