"""A portal in which people sign in at an OpenID provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.openid.sign_ons import SignOns
from openid_provider import Provider, running_provider
from unit.portal.fakes import FakeGuacamole, FakeStore, write_samples
from unit.portal.openid.signing_in import ALICE, settings
from unit.portal.portals import Portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from clock import Clock


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        provider.person = dict(ALICE)
        yield provider


@pytest.fixture(autouse=True)
def _sign_ons_end_by_the_clock(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(
        "blendersessions_portal.openid.build.SignOns", lambda seconds, _clock: SignOns(seconds, clock=clock)
    )


@pytest.fixture
async def portal(tmp_path: Path, provider: Provider) -> AsyncIterator[Portal]:
    sign_on = settings(provider, tmp_path)
    made = Portal(FakeStore(), FakeGuacamole(), write_samples(tmp_path), sign_on=sign_on)
    yield made
    await made.close()
