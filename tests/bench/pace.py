"""Work that comes at its time, whether what came before has ended or not."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


async def at_a_rate(names: Sequence[str], rate: float, work: Callable[[str], Awaitable[None]]) -> None:
    """Begin the work for each name at its time, and wait until all of it is done."""
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, name in enumerate(names):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            group.create_task(work(name))
