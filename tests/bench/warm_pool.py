"""A class whose pool is full, for sessions that take its desktops or leave them alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from apiserver.api import SESSIONS
from bench.client import DEADLINE, MERGE, Object
from bench.cluster import SESSIONS_IN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.client import Client

CLASS: Final = "warm"
SCENE: Final = "shopping_cart.blend"
_CLASSES = f"{SESSIONS}/namespaces/{SESSIONS_IN}/blendersessionclasses"


@asynccontextmanager
async def warm_pool(client: Client, size: int) -> AsyncIterator[None]:
    """Have a pool of this size, which is full when the block begins and gone when it has ended."""
    body: Object = {
        "apiVersion": "blendersessions.io/v1alpha1",
        "kind": "BlenderSessionClass",
        "metadata": {"name": CLASS},
        "spec": {"warmPool": {"size": size, "maxSize": size, "scene": SCENE}},
    }
    await client.text("POST", _CLASSES, body)
    await until_ready(client, size)
    try:
        yield
    finally:
        await resize(client, 0)
        await client.text("DELETE", f"{_CLASSES}/{CLASS}")


async def resize(client: Client, size: int) -> None:
    """Change the pool's size, and wait until it has so many desktops that can be taken."""
    await client.text("PATCH", f"{_CLASSES}/{CLASS}", {"spec": {"warmPool": {"size": size}}}, MERGE)
    await until_ready(client, size)


async def until_ready(client: Client, size: int) -> None:
    """Wait until the pool has exactly so many desktops, all of which can be taken."""
    async with asyncio.timeout(DEADLINE):
        while await _counts(client) != (size, size):  # noqa: ASYNC110 - another program fills it
            await asyncio.sleep(0.5)


async def _counts(client: Client) -> tuple[int, int]:
    """Return how many desktops wait, and how many of them can be taken."""
    selector = f"labelSelector=blendersessions.io/pool={CLASS},!blendersessions.io/session-uid"
    waiting = await client.list(f"api/v1/namespaces/{SESSIONS_IN}/pods?{selector}")
    told = (await client.request("GET", f"{_CLASSES}/{CLASS}")).get("status", {}).get("warmPool") or {}
    return len(waiting), int(told.get("ready", 0))
