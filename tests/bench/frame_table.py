"""The figures of the bench `frame` as a table."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from bench.percentiles import percentile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARTS = ("connection", "ready", "tunnel", "first frame", "full frame")
Figures = dict[str, list[float]]
"""The seconds of one way, by part, one for each run."""


def table(ways: Mapping[str, Figures]) -> str:
    """Write p50 and p90 of each part as a Markdown table, which also reads well in a terminal."""
    lines = [["seconds, p50 / p90", *PARTS]]
    lines += [[way, *(spread(found.get(part, [])) for part in PARTS)] for way, found in ways.items()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )


def spread(seconds: Sequence[float]) -> str:
    """Write the median and the 90th percentile, by the nearest rank; nothing if there is none."""
    if not seconds:
        return ""
    return f"{statistics.median(seconds):.2f} / {percentile(seconds, 0.9):.2f}"
