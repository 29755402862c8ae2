"""The floor of claims: the requests that a claim cannot do without, by a bare client, with no operator at work."""

from __future__ import annotations

import asyncio
import copy
import time
from typing import TYPE_CHECKING

from bench.client import MERGE, Object, each, is_ready, watching
from bench.cluster import FLOOR_IN
from bench.pace import at_a_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.sessions import Bench

_CORE = f"api/v1/namespaces/{FLOOR_IN}"
_USER = "floor"


async def claims_floor(bench: Bench, made_of: Mapping[str, list[Object]], rate: float, count: int) -> list[float]:
    """Take pods that run, at a rate; return the seconds from the first request of each until a watch tells of the last.

    A ConfigMap stands for the session. The requests of one claim come one after the other: make the session, take the
    pod, make the person's Secret, grant the connection in Guacamole, write the status.
    """
    client = bench.client
    [pod] = made_of["pods"]
    secret = made_of["secrets"][0]
    names = [f"claim-{number}" for number in range(count)]

    def named(template: Object, name: str) -> Object:
        return copy.deepcopy(template) | {"metadata": template["metadata"] | {"name": name}}

    async with watching(client, f"{_CORE}/pods", count, is_ready) as running:
        await each(names, lambda name: client.text("POST", f"{_CORE}/pods", named(pod, name)))
        await running.wait()
    bench.guacamole.send("POST", "users", {"username": _USER, "password": "benchpwd", "attributes": {}})
    connection = {"name": _USER, "parentIdentifier": "ROOT", "protocol": "vnc", "parameters": {}, "attributes": {}}
    bench.guacamole.send("POST", "connections", connection)
    [granted] = bench.guacamole.connections()
    grant = [{"op": "add", "path": f"/connectionPermissions/{granted}", "value": "READ"}]
    begun: dict[str, float] = {}

    async def claim(name: str) -> None:
        begun[name] = time.monotonic()
        session: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        await client.text("POST", f"{_CORE}/configmaps", session)
        await client.text("PATCH", f"{_CORE}/pods/{name}", {"metadata": {"labels": {"session": name}}}, MERGE)
        await client.text("POST", f"{_CORE}/secrets", named(secret, name))
        await asyncio.to_thread(bench.guacamole.send, "PATCH", f"users/{_USER}/permissions", grant)
        await client.text("PATCH", f"{_CORE}/configmaps/{name}", {"data": {"phase": "Ready"}}, MERGE)

    async with watching(client, f"{_CORE}/configmaps", count, lambda event: bool(event["object"].get("data"))) as taken:
        await at_a_rate(names, rate, claim)
        await taken.wait()
    bench.guacamole.remove("connections", granted)
    bench.guacamole.remove("users", _USER)
    selector = "labelSelector=app.kubernetes.io/managed-by=bench"
    await client.clear(f"{_CORE}/pods", f"{_CORE}/secrets?{selector}")
    for name in names:
        await client.text("DELETE", f"{_CORE}/configmaps/{name}")
    return [at - begun[name] for name, at in taken.at.items() if name in begun]
