"""Shared by the tests of the Guacamole client: a connection to register, and how a directory knows it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from blendersessions.clients.guacamole.client import Account, GuacamoleClient
from blendersessions.clients.guacamole.marks import Installation
from blendersessions.model.access import AccessView, ConnectionRecord, ConnectionSpec, SessionAccess, UserSpec
from blendersessions.model.names import name_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from blendersessions.clients.guacamole.directory import GuacamoleDirectory
    from contract.browsing import Site, Tunnel
    from contract.standins import Guacamole

GROUP = "our-sessions"
INSTALLATION = Installation("this-one", GROUP)
FINGERPRINT = "0123456789abcdef"
NAMESPACE = "art"
HOST = "desk.art.svc"
OURS = name_for("6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e")
CONNECTION = ConnectionSpec(
    "blender-desk",
    {"hostname": HOST, "port": "5900", "password": "pw123456", "color-depth": "24"},
    {"max-connections": "10", "max-connections-per-user": "10"},
)


@asynccontextmanager
async def signed_in(guacamole: Guacamole, folder: Path) -> AsyncIterator[GuacamoleClient]:
    path = folder / "password"
    path.write_text(guacamole.password)
    client = GuacamoleClient(Account(guacamole.url, guacamole.username, path))
    try:
        yield client
    finally:
        await client.close()


def opened(site: Site, **query: str) -> Tunnel:
    """Open a tunnel and wait for its UUID: Guacamole lists and counts it from then on, not from the upgrade."""
    tunnel = site.open(**query)
    assert tunnel.next().opcode == ""
    return tunnel


async def named(client: GuacamoleClient, name: str) -> list[dict[str, Any]]:
    return [each for each in (await client.get("connections")).values() if each["name"] == name]


async def registered(directory: GuacamoleDirectory, username: str = "alice") -> str:
    """Do what the operator does for a new session; return the connection's identifier."""
    await inspected(directory, username)
    await directory.create_connection(CONNECTION)
    await directory.create_user(new_user(username, "secret-1"))
    await directory.grant(username, CONNECTION.name)
    return known(directory).identifier


def new_user(username: str, password: str, namespace: str = NAMESPACE, fingerprint: str = FINGERPRINT) -> UserSpec:
    """A user that we make."""
    return UserSpec(username, password, namespace, fingerprint)


def access_of(*usernames: str, name: str = CONNECTION.name, identifier: str = "") -> SessionAccess:
    return SessionAccess((name,), usernames, HOST, identifier)


async def inspected(directory: GuacamoleDirectory, username: str = "alice", identifier: str = "") -> AccessView:
    access = access_of(username, identifier=identifier)
    await directory.inspect(access)
    view = directory.view(access)
    assert view.inspected
    return view


def known(directory: GuacamoleDirectory) -> ConnectionRecord:
    return directory.view(access_of()).connections[CONNECTION.name]


def is_known(directory: GuacamoleDirectory, username: str = "alice") -> bool:
    return directory.view(access_of(username)).inspected


async def removed(directory: GuacamoleDirectory, identifier: str = "") -> int:
    return await directory.remove_connection(CONNECTION.name, access_of(identifier=identifier))
