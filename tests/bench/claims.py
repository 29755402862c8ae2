"""How long it takes a session to take a desktop of a pool: at a steady rate, and many at once."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from apiserver.api import SESSIONS
from bench.claims_floor import claims_floor
from bench.client import Object, is_ready, watching
from bench.cluster import SESSIONS_IN
from bench.pace import at_a_rate
from bench.percentiles import percentile
from bench.warm_pool import CLASS, SCENE, resize, warm_pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.sessions import Bench

COLLECTION = f"{SESSIONS}/namespaces/{SESSIONS_IN}/blendersessions"
RATES: Final = {"20 a second": 20.0, "75 a second": 75.0, "burst": float("inf")}
"""How many claims come in a second. They come at their time, whether those before have ended or not."""
CLAIMS: Final = 300
SIZE: Final = CLAIMS
"""As many desktops as there are claims: none has to be made meanwhile."""


async def claims(bench: Bench, made_of: Mapping[str, list[Object]]) -> Object:
    """Measure each rate, with the floor of the same rate after it.

    Args:
        bench: an operator on a cluster without sessions.
        made_of: the objects of one session, by kind; the floor's are like them.
    """
    found: Object = {"claims": CLAIMS, "rates": {}}
    async with warm_pool(bench.client, SIZE):
        for number, (name, rate) in enumerate(RATES.items()):
            await bench.settled()
            taken = await _claim(bench, f"claim-{number}", rate)
            # Without it the pool would be filled beside what is measured next.
            await resize(bench.client, 0)
            await bench.delete(CLAIMS)
            floor = await claims_floor(bench, made_of, rate, CLAIMS)
            await resize(bench.client, SIZE)
            found["rates"][name] = taken | {"floor": _spread(floor)}
            print(f"{time.strftime('%H:%M:%S')} claims, {name}: {found['rates'][name]}", flush=True)
    return found


async def _claim(bench: Bench, prefix: str, rate: float) -> Object:
    """Create sessions at a rate; return the seconds from sending each one until it is Ready."""
    sent: dict[str, float] = {}
    cpu = bench.operator.cpu_seconds()

    async def create(name: str) -> None:
        body = {
            "apiVersion": "blendersessions.io/v1alpha1",
            "kind": "BlenderSession",
            "metadata": {"name": name},
            "spec": {"owner": name, "className": CLASS, "scene": {"sample": SCENE}},
        }
        sent[name] = time.monotonic()
        await bench.client.text("POST", COLLECTION, body)

    async with watching(bench.client, COLLECTION, CLAIMS, is_ready) as ready:
        await at_a_rate([f"{prefix}-{number}" for number in range(CLAIMS)], rate, create)
        await ready.wait()
    cpu = bench.operator.cpu_seconds() - cpu
    sessions = await bench.client.list(COLLECTION)
    paths = Counter(each["status"].get("startup", {}).get("path", "") for each in sessions)
    seconds = [at - sent[name] for name, at in ready.at.items()]
    return _spread(seconds) | {"operator_cpu_seconds": cpu, "startup": dict(paths)}


def _spread(seconds: Sequence[float]) -> Object:
    return {f"p{round(100 * part)}_seconds": percentile(seconds, part) for part in (0.5, 0.9, 0.99)}
