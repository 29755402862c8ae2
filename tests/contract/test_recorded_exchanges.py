"""The stand-in answers the recorded exchanges as Guacamole 1.6.0 did."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from starlette.routing import Mount, Route

from contract import coverage, scenario
from contract.fake_guacd import fake_guacd
from contract.replay import Replay
from contract.standins import running
from standin.app import create_app
from standin.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

WITH_HEADER = scenario.exchanges(scenario.HEADER_RECORDING)
RECORDED = [exchange.name for exchange in [*scenario.exchanges(), *WITH_HEADER]]


@pytest.fixture(scope="module")
def wrong() -> Iterator[dict[str, str]]:
    """What was not answered as recorded in one run through each whole recording."""
    with fake_guacd() as guacd, ExitStack() as sockets:
        plain = sockets.enter_context(running(guacd.port))
        other = sockets.enter_context(running(guacd.port, person_header=scenario.PERSON_HEADER))
        with ExitStack() as tunnels:
            yield Replay(plain, tunnels).run() | Replay(other, tunnels).run_with_header()


@pytest.mark.parametrize("name", RECORDED)
def test_an_exchange_is_answered_as_recorded(wrong: dict[str, str], name: str) -> None:
    assert name not in wrong, wrong.get(name)


def test_every_step_belongs_to_a_recorded_exchange() -> None:
    assert scenario.before().keys() | scenario.before_with_header().keys() <= set(RECORDED)
    assert set(scenario.DEAD_TOKEN) <= set(RECORDED)
    assert len(RECORDED) == len(set(RECORDED))


async def test_only_recorded_calls_are_answered() -> None:
    app = create_app(Settings())
    async with app.router.lifespan_context(app):
        [below] = [route for route in app.routes if isinstance(route, Mount)]
        answered = {
            f"{method} {coverage.template(route.path[1:].format(source='postgresql', identifier='x', token='x'))}"
            for route in below.routes or ()
            if isinstance(route, Route) and route.path.startswith("/api/")
            for method in (route.methods or set()) - ({"HEAD"} if "GET" in (route.methods or ()) else set())
        }
    assert answered <= {f"{each.method} {coverage.template(each.path)}" for each in scenario.exchanges()}
    assert len(answered) == 24
