"""Fixtures of the lifecycle tests: worlds with an empty Guacamole, and an operator that runs or does not yet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from apiserver.lifecycle import Door, GuacamoleAdmin, Stage
from contract.standins import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.api import Api


@contextmanager
def world(api: Api, folder: Path) -> Iterator[Stage]:
    """Open a world of its own, and check at the end that the operator stopped in order and kept to the rules."""
    with running() as guacamole:
        door = Door(guacamole.url)
        admin = GuacamoleAdmin(guacamole.url, guacamole.username, guacamole.password)
        stage = Stage(api, api.create_namespace(), door, admin, folder)
        stage.write_password(guacamole.password)
        try:
            yield stage
        finally:
            code = stage.end()
            door.close()
            admin.close()
            assert code == 0, f"the operator did not end in order: {code}\n{stage.log[-4000:]}"
        assert "Traceback" not in stage.log, stage.log
        stage.statuses.check()


@pytest.fixture(scope="module")
def house(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A world whose operator runs for all tests of a file."""
    with world(api, tmp_path_factory.mktemp("house")) as stage:
        stage.start()
        yield stage


@pytest.fixture
def stage(house: Stage) -> Iterator[Stage]:
    """A clean world with a running operator; each test must leave nothing behind once its sessions are deleted."""
    yield house
    house.strike()
    house.statuses.check()


@pytest.fixture
def idle(api: Api, tmp_path: Path) -> Iterator[Stage]:
    """A world of the test's own, whose operator is not started yet."""
    with world(api, tmp_path) as stage:
        yield stage


@pytest.fixture
def alone(idle: Stage) -> Stage:
    """A world of the test's own with a running operator, which the test may stop."""
    idle.start()
    return idle
