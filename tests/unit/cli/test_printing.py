"""What the command prints: units, ages, and nothing that a terminal obeys."""

from __future__ import annotations

import io
import itertools
import sys
from pathlib import Path

import pytest
import yaml

from blendersessions_cli.completion import SAMPLES
from blendersessions_cli.printing import age, columns, printable, size
from blendersessions_cli.progress import Progress

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (12_345_678, "12.3 MB"),
        (999_600, "1 MB"),
        (2**40, "1.1 TB"),
        (10**18, "1e+06 TB"),
    ],
)
def test_sizes_are_in_units_of_1000(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(-3, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (10**6, "11d")])
def test_ages_are_in_the_largest_unit(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_a_terminal_gets_no_command_and_every_script() -> None:
    assert printable("\x1b[2J\x9b\x7f\u202e\u2028\ud800\n") == r"\u001b[2J\u009b\u007f\u202e\u2028\ud800\u000a"
    for text in ("漢字", "می‌خواهم", "👩‍🚀", "Ω é"):
        assert printable(text) == text


def test_cells_stand_under_each_other() -> None:
    assert columns([["NAME", "AGE"], ["cart", ""], ["a\nb", "3d"]]) == "NAME       AGE\ncart       -\na\\u000ab   3d"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_at_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for stderr, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stderr)
        seconds = itertools.count()
        with Progress("a\x1b[2J", 2_000_000, lambda seconds=seconds: next(seconds)) as progress:
            progress.begin(500_000, 2_000_000)
            progress.add(500_000)
        written = stderr.getvalue()
        assert ("\\u001b[2J: 1 MB of 2 MB, 50 %  250 KB/s" in written) is shown
        assert bool(written) is shown
        assert written.endswith("\n") is shown


def test_the_samples_that_are_offered_are_those_of_our_image() -> None:
    samples = yaml.safe_load((ROOT / "images/blender/scenes/samples.yaml").read_text())
    files = sorted(sample["file"] for sample in (samples["samples"] if isinstance(samples, dict) else samples))
    assert sorted(SAMPLES) == files
