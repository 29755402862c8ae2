"""The operator logs in to Guacamole, stays logged in, and says what is wrong when it cannot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.model.errors import Unauthorised, Unavailable
from contract.guacamole_access import (
    INSTALLATION,
    access_of,
    registered,
    signed_in,
)
from contract.standins import running

if TYPE_CHECKING:
    from pathlib import Path

    from blendersessions.clients.guacamole.client import GuacamoleClient
    from contract.standins import Guacamole


@pytest.mark.parametrize("source", ["postgresql", "mysql"])
async def test_the_data_source_is_discovered(source: str, tmp_path: Path) -> None:
    with running(data_source=source) as guacamole:
        async with signed_in(guacamole, tmp_path) as client:
            directory = GuacamoleDirectory(client, INSTALLATION)
            await registered(directory)
            assert directory.view(access_of()).data_source == source


async def test_a_dead_token_is_renewed_within_a_call(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await directory.refresh()
    held = client._current
    assert held is not None
    await client._send("DELETE", f"api/tokens/{held.log_in.token}")
    await asyncio.gather(*(directory.look_up_user(f"user-{number}") for number in range(8)))
    assert client._current is not None
    assert client._current.log_in.token != held.log_in.token


async def test_the_token_is_signed_out(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    async with signed_in(guacamole_standin, tmp_path) as client:
        await client.data_source()
        held = client._current
        assert held is not None
    async with signed_in(guacamole_standin, tmp_path) as other:
        response = await other._send("HEAD", "api/session", token=held.log_in.token)
        assert response.status_code == 403


async def test_a_wrong_password_is_refused_with_the_settings_name(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    async with signed_in(replace(guacamole_standin, password="wrong"), tmp_path) as client:
        with pytest.raises(Unauthorised, match="BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE"):
            await client.data_source()


async def test_an_address_without_guacamole_is_reported_as_such(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    wrong = replace(guacamole_standin, url=guacamole_standin.url.removesuffix("guacamole/"))
    async with signed_in(wrong, tmp_path) as client:
        with pytest.raises(Unavailable, match="BLENDERSESSIONS_GUACAMOLE_URL"):
            await client.data_source()
