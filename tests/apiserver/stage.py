"""Fixtures of the lifecycle tests: an empty Guacamole, and a world with or without a running operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.lifecycle import Door, GuacamoleAdmin, Stage
from contract.standins import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.api import Api
    from contract.standins import Guacamole


@pytest.fixture
def guacamole() -> Iterator[Guacamole]:
    """An empty Guacamole."""
    with running() as started:
        yield started


@pytest.fixture
def idle(api: Api, namespace: str, guacamole: Guacamole, tmp_path: Path) -> Iterator[Stage]:
    """A world whose operator is not started yet."""
    door = Door(guacamole.url)
    admin = GuacamoleAdmin(guacamole.url, guacamole.username, guacamole.password)
    stage = Stage(api, namespace, door, admin, tmp_path)
    stage.write_password(guacamole.password)
    try:
        yield stage
    finally:
        code = stage.stop()
        door.shut()
        admin.close()
        assert code == 0, f"the operator did not end in order: {code}\n{stage.log[-4000:]}"
    assert "Traceback" not in stage.log, stage.log


@pytest.fixture
def stage(idle: Stage) -> Stage:
    """A world with a running operator."""
    idle.start()
    return idle
