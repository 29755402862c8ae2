"""The bench `frame`: what a tab noted is read, and the figures stand in a table."""

from __future__ import annotations

import json

from bench import frame_table, page
from bench.tab import Seen, seen

PART, LOSSY, WHOLE = [0, 0, 0, 90, 90, 90], [88] * 6, [90] * 6


def test_the_full_frame_is_the_first_that_looks_as_the_last_one() -> None:
    pictures = [(2000, PART), (3000, LOSSY), (4000, WHOLE)]
    noted = {"tunnel": 500, "pictures": [{"at": at, "pixels": pixels} for at, pixels in pictures]}
    assert seen(noted) == Seen(tunnel=0.5, first_frame=2.0, full_frame=3.0, last=WHOLE)


def test_a_part_has_its_median_and_its_ninetieth_percentile() -> None:
    assert frame_table.spread([float(number) for number in range(1, 21)]) == "10.50 / 18.00"
    assert frame_table.spread([0.5]) == "0.50 / 0.50"
    assert frame_table.spread([]) == ""


def test_each_way_has_a_row_and_the_page_has_the_table() -> None:
    ways = {"cold": {"ready": [3.0, 2.0, 4.0], "full frame": [5.0]}, "floor, tab": {"tunnel": [0.25]}}
    lines = frame_table.table(ways).splitlines()
    assert len({len(line) for line in lines}) == 1, "columns stand under each other"
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [
        "cold",
        "",
        "3.00 / 4.00",
        "",
        "",
        "5.00 / 5.00",
    ]
    results = json.loads(page.RESULTS.read_text()) | {"frame": {"said": "3 runs on a quiet machine", "ways": ways}}
    written = page.render(results)
    assert frame_table.table(ways) in written
    assert "3 runs on a quiet machine." in written
