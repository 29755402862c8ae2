"""Guacamole behind TLS of a private authority, behind a base path, slow, or with a proxy that answers in its place."""

from __future__ import annotations

import datetime as dt
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.guacamole.client import Account, GuacamoleClient
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.model.errors import DomainError, Unavailable
from contract.faults import FAULTS, Faults, before
from contract.guacamole_access import CONNECTION, INSTALLATION, access_of, known, new_user
from localcluster.pki import Authority

if TYPE_CHECKING:
    from pathlib import Path

    from contract.standins import Guacamole

ATTEMPTS = 50
"""Which requests fail is always the same, and so is the number of attempts that are needed."""


def client_of(guacamole: Guacamole, url: str, folder: Path, ca_file: Path | None = None) -> GuacamoleClient:
    password = folder / "password"
    password.write_text(guacamole.password)
    return GuacamoleClient(Account(url, guacamole.username, password, ca_file))


async def test_tls_of_a_private_authority_is_trusted_with_its_certificate(
    guacamole_standin: Guacamole, tmp_path: Path
) -> None:
    now = dt.datetime.now(dt.UTC)
    authority = Authority.create(now)
    ca_file, _ = authority.pair.write(tmp_path, "ca")
    certificate, key = authority.issue("guacamole", now, hosts=("127.0.0.1",)).write(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with before(guacamole_standin.url, Faults(0, 0.0), context) as proxy:
        assert proxy.url.startswith("https://")
        believing = client_of(guacamole_standin, proxy.url, tmp_path, ca_file)
        assert await believing.data_source() == "postgresql"
        await believing.close()
        doubting = client_of(guacamole_standin, proxy.url, tmp_path)
        with pytest.raises(Unavailable, match="SSLError"):
            await doubting.data_source()
        await doubting.close()


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_registration_succeeds_exactly_once_despite_random_faults(
    guacamole_standin: Guacamole, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pauses after a failure are for a server that is away for longer than one request.
    monkeypatch.setattr("blendersessions.clients.guacamole.client.UNAVAILABLE_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("blendersessions.clients.guacamole.client.REFUSED_LOG_IN_PAUSE_SECONDS", 0.0)
    with before(guacamole_standin.url, Faults(7, 0.3, [kind])) as proxy:
        client = client_of(guacamole_standin, proxy.url, tmp_path)
        directory = GuacamoleDirectory(client, INSTALLATION)
        for _ in range(ATTEMPTS):
            with suppress(DomainError):
                await directory.inspect(access_of("alice"))
                view = directory.view(access_of("alice"))
                if CONNECTION.name not in view.connections:
                    await directory.create_connection(CONNECTION)
                if not view.users["alice"].exists:
                    await directory.create_user(new_user("alice", "secret-1"))
                await directory.grant("alice", CONNECTION.name)
            if ("alice", CONNECTION.name) in directory.view(access_of("alice")).grants:
                break
        else:
            pytest.fail(f"not registered after {ATTEMPTS} attempts")
        proxy.rate = 0.0
        named = [each for each in (await client.get("connections")).values() if each["name"] == CONNECTION.name]
        assert [each["identifier"] for each in named] == [known(directory).identifier]
        held = await client.get("users", "alice", "permissions")
        assert held["connectionPermissions"] == {known(directory).identifier: ["READ"]}
        await client.close()
