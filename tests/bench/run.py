"""The scenarios, one after the other."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.claims import claims
from bench.floor import floor, templates
from bench.machine import describe
from bench.registration import registration
from bench.sessions import under_test
from bench.warm_pool import warm_pool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.client import Object
    from bench.sessions import Bench

SCENARIOS = ("single", "burst", "live", "registration")
"""What is measured by default, and kept."""
MORE = ("claims",)
"""What is measured when it is named."""
BURST = 300
SINGLES = 20
POOL = 200
"""Desktops that wait beside the live sessions while nothing happens."""


@dataclass(frozen=True)
class Options:
    """What is measured, and how much of it."""

    scenarios: tuple[str, ...]
    rounds: int
    live: int
    steady_seconds: float


async def run(folder: Path, options: Options) -> Object:
    """Measure, and return the figures; logs go to `folder`."""
    begun = time.monotonic()
    results: Object = {"machine": describe(folder)}
    if "registration" in options.scenarios:
        results["registration"] = await registration(folder, BURST, options.rounds)
        say("registration", results["registration"])
    if set(options.scenarios) != {"registration"}:
        await under_load(folder, options, results)
    return results | {"seconds": time.monotonic() - begun}


async def under_load(folder: Path, options: Options, results: Object) -> None:
    """Measure what needs a cluster and a running operator."""
    async with under_test(folder) as bench:
        made_of = await templates(bench.client)
        await bench.delete(1)
        if "single" in options.scenarios:
            results["single"] = await bench.one_by_one(SINGLES)
            say("single", results["single"])
            await bench.delete(SINGLES)
        if "burst" in options.scenarios:
            results["burst"] = await bursts(bench, made_of, options.rounds)
        if "claims" in options.scenarios:
            results["claims"] = await claims(bench, made_of)
        if "live" in options.scenarios:
            results["live"] = await live(bench, made_of, options)


async def bursts(bench: Bench, made_of: Mapping[str, list[Object]], rounds: int) -> Object:
    """Run bursts and floors by turns; a burst is compared with the floors before and after it: noise comes and goes."""
    floors, found = [await floors_of(bench, made_of)], []
    for number in range(rounds):
        burst = await bench.burst(BURST, f"burst-{number}")
        gone = await bench.delete(BURST)
        floors.append(await floors_of(bench, made_of))
        near = {kind: statistics.mean(each[kind] for each in floors[-2:]) for kind in floors[-1]}
        found.append(near | burst | {"ratio": burst["seconds"] / near["floor_seconds"], "delete": gone})
        say("burst", found[-1])
    return {
        "rounds": found,
        "ratio": statistics.median(each["ratio"] for each in found),
        "ratio_without_secrets": statistics.median(
            each["seconds"] / each["floor_without_secrets_seconds"] for each in found
        ),
    }


async def floors_of(bench: Bench, made_of: Mapping[str, list[Object]]) -> dict[str, float]:
    """Measure the floor with all that a session has, and with pods and Services alone."""
    return {
        "floor_seconds": await floor(bench.client, made_of, BURST),
        "floor_without_secrets_seconds": await floor(bench.client, made_of, BURST, ("pods", "services")),
    }


async def live(bench: Bench, made_of: Mapping[str, list[Object]], options: Options) -> Object:
    """Make the large burst, and measure what so many sessions cost while nothing happens, and a restart."""
    low = await floor(bench.client, made_of, options.live)
    burst = await bench.burst(options.live, "live")
    burst |= {"floor_seconds": low, "ratio": burst["seconds"] / low}
    say("large burst", burst)
    steady = await bench.steady(options.steady_seconds)
    say("steady", steady)
    async with warm_pool(bench.client, POOL):
        pool = {"desktops": POOL} | await bench.steady(options.steady_seconds)
    say("pool", pool)
    await bench.settled()
    restart = await bench.restart()
    say("restart", restart)
    gone = await bench.delete(options.live + 1)
    say("delete", gone)
    return {
        "burst": burst,
        "steady": steady,
        "pool": pool,
        "restart": restart,
        "delete": gone,
    }


def say(what: str, figures: Object) -> None:
    """Print the figures so far."""
    print(f"{time.strftime('%H:%M:%S')} {what}: {figures}", flush=True)
