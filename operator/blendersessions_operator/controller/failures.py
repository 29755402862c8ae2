"""Expected failures, by the area of the session in which they happened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from blendersessions.model.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from blendersessions_operator.planning.steps import Area


async def gather_failures(work: Iterable[tuple[Area, Awaitable[object]]]) -> dict[Area, DomainError]:
    """Await all work concurrently, and return the first failure of each area. Unexpected exceptions are raised."""
    pairs = list(work)
    outcomes = await asyncio.gather(*(awaitable for _, awaitable in pairs), return_exceptions=True)
    failures: dict[Area, DomainError] = {}
    for (area, _), outcome in zip(pairs, outcomes, strict=True):
        if isinstance(outcome, DomainError):
            failures.setdefault(area, outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
    return failures
