"""The page of figures is what the kept figures give, and a run of chosen scenarios prints a table too."""

from __future__ import annotations

import json

import pytest

from bench import page
from bench.run import SCENARIOS

KEYS = {"single": "one by one", "burst": "ratio to the floor", "live": "restart", "registration": "bare client"}


def test_the_page_is_current() -> None:
    current = page.render(json.loads(page.RESULTS.read_text()))
    assert page.PAGE.read_text() == current, "make bench OPTIONS=page writes it anew"


def test_the_kept_figures_are_of_all_scenarios_and_of_the_sizes_that_were_promised() -> None:
    results = json.loads(page.RESULTS.read_text())
    assert set(SCENARIOS) <= set(results)
    assert [each["sessions"] for each in results["burst"]["rounds"]] == [300] * len(results["burst"]["rounds"])
    assert results["live"]["steady"]["sessions"] >= 1000
    assert results["live"]["steady"]["seconds"] >= 60
    assert results["registration"]["connections"] == 300


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_has_its_own_rows(scenario: str) -> None:
    results = json.loads(page.RESULTS.read_text())
    table = page.table({scenario: results[scenario]})
    assert KEYS[scenario] in table
    assert len({len(line) for line in table.splitlines()}) == 1, "columns stand under each other"


def test_claims_have_a_row_for_each_percentile_beside_the_floor_and_their_bars() -> None:
    floor = {"p50_seconds": 0.02, "p90_seconds": 0.03, "p99_seconds": 0.04}
    measured = {"p50_seconds": 0.061, "p90_seconds": 0.1, "p99_seconds": 0.25, "floor": floor}
    table = page.table({"claims": {"claims": 300, "rates": {"20 a second": measured, "burst": measured}}})
    assert "300 sessions that take a desktop of a pool, 20 a second: p50 (the floor)" in table
    assert "61 ms (20 ms)" in table
    assert "<= 400 ms" in table
    assert table.count("p99") == 2
