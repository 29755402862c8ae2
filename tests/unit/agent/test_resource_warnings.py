"""A person is warned before memory or a folder is full, and not again and again."""

from __future__ import annotations

import pytest

from agent.resource_warnings import HOME, MEMORY, TEMPORARY, WORKSPACE, FillWarning, Resource
from limits.folders import Fill

GIB = 1 << 30


def warnings(*percent: int, resource: Resource = MEMORY) -> list[bool]:
    """Return at which of these fills a warning is given."""
    warning = FillWarning(resource)
    return [bool(warning.check(Fill(each * GIB, 100 * GIB))) for each in percent]


def test_each_level_is_told_once() -> None:
    assert warnings(10, 84, 85, 86, 94, 95, 96, 100, 130) == [
        False,
        False,
        True,
        False,
        False,
        True,
        False,
        False,
        False,
    ]


def test_a_jump_over_both_levels_is_one_warning() -> None:
    assert warnings(10, 99, 99) == [False, True, False]


def test_a_level_is_told_again_after_the_fill_fell_far_below_it() -> None:
    assert warnings(86, 74, 86) == [True, False, True]
    assert warnings(96, 84, 96) == [True, False, True]


def test_a_fill_that_swings_around_a_level_is_told_once() -> None:
    assert warnings(86, 84, 86, 80, 86) == [True, False, False, False, False]


def test_an_unknown_fill_is_no_warning_and_changes_nothing() -> None:
    warning = FillWarning(MEMORY)
    assert warning.check(None) == ""
    assert warning.check(Fill(9, 10))
    assert warning.check(None) == ""
    assert warning.check(Fill(9, 10)) == ""


@pytest.mark.parametrize(
    ("resource", "begin", "way_out"),
    [
        (MEMORY, "The memory is nearly full: 3.6 GiB of 4 GiB. ", "Save now."),
        (WORKSPACE, "The workspace is nearly full: 3.6 GiB of 4 GiB. ", "a larger volume"),
        (HOME, "The home folder is nearly full: 3.6 GiB of 4 GiB. ", "Delete files in the home folder."),
        (TEMPORARY, "The folder /tmp is nearly full: 3.6 GiB of 4 GiB. ", "Delete files in /tmp"),
    ],
)
def test_the_warning_names_what_is_full_and_the_way_out(resource: Resource, begin: str, way_out: str) -> None:
    text = FillWarning(resource).check(Fill(int(3.6 * GIB), 4 * GIB))
    assert text.startswith(begin)
    assert way_out in text
