"""How long to wait before something that failed is tried again."""

from __future__ import annotations

import random
from typing import Final

FIRST_DELAY_SECONDS: Final = 0.5
"""Delay after the first failure; it doubles with each further one."""
MAX_DELAY_SECONDS: Final = 60.0
JITTER_FRACTION: Final = 0.2
"""Largest part by which a delay is shortened at random, so that retries are spread over time."""


def backoff(failures: int) -> float:
    """Return the seconds to wait after this number of failures in a row: doubled each time, capped, with jitter."""
    delay = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(failures - 1, 16))
    return delay * (1 - JITTER_FRACTION * random.random())  # noqa: S311 - to spread the load, not to keep a secret
