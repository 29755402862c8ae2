"""The floor: the same pods, Services and Secrets made by a bare client, with no operator at work."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING

from bench.client import Client, Object, each, is_ready, watching
from bench.cluster import FLOOR_IN, SESSIONS_IN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SELECTOR = "labelSelector=app.kubernetes.io/managed-by=blender-sessions"
KINDS = ("pods", "services", "secrets")
_SET_BY_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences")


async def templates(client: Client) -> dict[str, list[Object]]:
    """Return, by kind, the objects that the operator made for the only session: the floor is made of these."""
    return {
        kind: [_bare(item) for item in await client.list(f"api/v1/namespaces/{SESSIONS_IN}/{kind}?{SELECTOR}")]
        for kind in KINDS
    }


def _bare(item: Object) -> Object:
    """Leave out what the API server, the scheduler and the node added; the label too, for the operator watches it."""
    made = copy.deepcopy(item)
    made.pop("status", None)
    for key in _SET_BY_THE_SERVER:
        made["metadata"].pop(key, None)
    made["metadata"]["namespace"] = FLOOR_IN
    made["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "bench"
    for key in ("nodeName", "clusterIP", "clusterIPs"):
        made.get("spec", {}).pop(key, None)
    return made


async def floor(client: Client, made_of: Mapping[str, list[Object]], count: int, kinds: Iterable[str] = KINDS) -> float:
    """Make the objects of `count` sessions, wait until all pods are Ready, and return the seconds; then clear up."""
    wanted = [(kind, template) for kind in kinds for template in made_of[kind]]
    pods = f"api/v1/namespaces/{FLOOR_IN}/pods"

    async def make(number: int) -> None:
        for position, (kind, template) in enumerate(wanted):
            metadata = template["metadata"] | {"name": f"floor-{number}-{position}"}
            await client.text("POST", f"api/v1/namespaces/{FLOOR_IN}/{kind}", template | {"metadata": metadata})

    async with watching(client, pods, count, is_ready) as ready:
        begun = time.monotonic()
        await each(range(count), make)
        made = time.monotonic()
        ended = max(made, await ready.wait())
    await client.clear(*(f"api/v1/namespaces/{FLOOR_IN}/{kind}" for kind in kinds))
    return ended - begun
