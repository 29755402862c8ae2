"""Registering sessions in Guacamole by our client, against the same requests sent by a bare one."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import aiohttp

from bench.client import Object, each
from bench.processes import standin
from blendersessions.clients.guacamole import users
from blendersessions.clients.guacamole.client import Account, GuacamoleClient
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.clients.guacamole.marks import Installation, user_mark
from blendersessions.clients.guacamole.transport import MAX_REQUESTS_IN_FLIGHT
from blendersessions.model.access import HOSTNAME, ConnectionSpec, SessionAccess, UserSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from contract.standins import Guacamole

NAMESPACE = "bench"
INSTALLATION = Installation("bench", "bench")
ATTRIBUTES = {"max-connections": "10", "max-connections-per-user": "10"}
WORKERS = 24
"""As many sessions as the operator works on at a time; its client bounds what is in flight itself."""


async def registration(folder: Path, count: int, rounds: int) -> Object:
    """Register connections with a user and a grant each, by turns; every round has an empty Guacamole of its own."""
    ours, bare, sent = [], [], 0
    for number in range(rounds):
        place = folder / f"registration-{number}"
        place.mkdir()
        names = [f"blender-{number}-{each_}" for each_ in range(count)]
        with standin(place) as guacamole:
            bare.append(await _by_a_bare_client(guacamole, names))
        with standin(place) as guacamole:
            seconds, sent = await _by_our_client(guacamole, place, names)
            ours.append(seconds)
    return {
        "connections": count,
        "rounds": rounds,
        "ours_seconds": ours,
        "bare_seconds": bare,
        "ratio": statistics.median(mine / other for mine, other in zip(ours, bare, strict=True)),
        "ours_requests": sent,
        "bare_requests": 3 * count,
    }


def _parameters(name: str) -> dict[str, str]:
    return {HOSTNAME: f"{name}.{NAMESPACE}.svc", "port": "5900", "password": "benchpwd", "color-depth": "24"}


async def _by_our_client(guacamole: Guacamole, folder: Path, names: Sequence[str]) -> tuple[float, int]:
    """Do what a start does in Guacamole, for all sessions; return the seconds, and how many requests that were."""
    sent: list[int] = []
    account = Account(guacamole.url, guacamole.username, folder / "guacamole-password")
    client = GuacamoleClient(account, lambda *request: sent.append(request[-1]))
    directory = GuacamoleDirectory(client, INSTALLATION)

    async def register(name: str) -> None:
        await directory.inspect(SessionAccess((name,), (name,), f"{name}.{NAMESPACE}.svc"))
        await directory.create_user(UserSpec(name, "a-password-of-this-user", NAMESPACE, "0"))
        await directory.create_connection(ConnectionSpec(name, _parameters(name), ATTRIBUTES))
        await directory.grant(name, name)

    await directory.refresh()
    await directory.refresh_users()
    sent.clear()
    begun = time.monotonic()
    await each(names, register, WORKERS)
    ended = time.monotonic()
    assert max(sent) < 300 or set(sent) <= {200, 204, 404}, f"there were refusals: {sorted(set(sent))}"
    requests = len(sent)
    await client.close()
    return ended - begun, requests


async def _by_a_bare_client(guacamole: Guacamole, names: Sequence[str]) -> float:
    """Send the three requests that a registration cannot do without, five at a time too; return the seconds."""
    form = {"username": guacamole.username, "password": guacamole.password}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_REQUESTS_IN_FLIGHT), raise_for_status=True
    ) as session:
        async with session.post(f"{guacamole.url}api/tokens", data=form) as answer:
            login = await answer.json()
        headers = {"Guacamole-Token": login["authToken"]}
        data = f"{guacamole.url}api/session/data/{login['dataSource']}"

        async def send(method: str, path: str, body: object) -> Object:
            async with session.request(method, f"{data}/{path}", json=body, headers=headers) as answer:
                return dict(await answer.json()) if answer.content_type == "application/json" else {}

        group = await send(
            "POST",
            "connectionGroups",
            {"name": "bench", "parentIdentifier": "ROOT", "type": "ORGANIZATIONAL", "attributes": {}},
        )

        async def register(name: str) -> None:
            role = {users.ROLE: user_mark(INSTALLATION.id, NAMESPACE, "0")}
            user = {"username": name, "password": "a-password-of-this-user", "attributes": role}
            connection = {
                "name": name,
                "parentIdentifier": group["identifier"],
                "protocol": "vnc",
                "parameters": _parameters(name),
                "attributes": ATTRIBUTES,
            }
            await send("POST", "users", user)
            made = await send("POST", "connections", connection)
            paths = (
                f"/connectionPermissions/{made['identifier']}",
                f"/connectionGroupPermissions/{group['identifier']}",
            )
            grants = [{"op": "add", "path": path, "value": "READ"} for path in paths]
            await send("PATCH", f"users/{name}/permissions", grants)

        begun = time.monotonic()
        await each(names, register, MAX_REQUESTS_IN_FLIGHT)
        return time.monotonic() - begun
