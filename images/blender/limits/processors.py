"""Reads how many processors the container may use from its control group, of version 1 or 2."""

import math
import os
from pathlib import Path

from limits.memory import CGROUP


def processor_count(cgroup: Path = CGROUP) -> int:
    """Return how many threads can compute at a time: by the container's limit, and at most those of the node.

    A program that starts more is stopped for a part of each period, all of its threads at once.
    """
    available = len(os.sched_getaffinity(0))
    limit = _limit(cgroup)
    return available if limit is None else max(1, min(available, math.ceil(limit)))


def _limit(cgroup: Path) -> float | None:
    """Return the limit in processors; None if there is none, or the control group cannot be seen."""
    try:
        if (cgroup / "cpu.max").exists():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota, period = ((cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
