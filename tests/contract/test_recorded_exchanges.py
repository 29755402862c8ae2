"""The stand-in answers the recorded exchanges as Guacamole 1.6.0 did."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from contract import scenario
from contract.fake_guacd import fake_guacd
from contract.replay import Replay
from contract.standins import running

if TYPE_CHECKING:
    from collections.abc import Iterator

COVERED = [exchange.name for exchange in scenario.exchanges() if scenario.left_out(exchange.name) is None]


@pytest.fixture(scope="module")
def wrong() -> Iterator[dict[str, str]]:
    """What was not answered as recorded in one run through the whole recording."""
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        yield Replay(guacamole, sockets).run()


@pytest.mark.parametrize("name", COVERED)
def test_an_exchange_is_answered_as_recorded(wrong: dict[str, str], name: str) -> None:
    assert name not in wrong, wrong.get(name)


def test_every_step_belongs_to_an_exchange_that_is_replayed() -> None:
    assert set(scenario.before()) <= set(COVERED)
    assert set(scenario.DEAD_TOKEN) <= set(COVERED)
    assert len(COVERED) == len(set(COVERED))
