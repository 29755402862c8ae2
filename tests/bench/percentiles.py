"""Percentiles by the nearest rank."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that this part of all values, from above 0 up to 1, is not above."""
    return sorted(values)[math.ceil(part * len(values)) - 1]
