"""What a person has disabled is remembered, and a file that was tampered with counts as nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from class_files.choices import FILE, Choices, read_disabled, write_disabled

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_disabled_is_remembered(tmp_path: Path) -> None:
    assert read_disabled(tmp_path) == frozenset()
    assert write_disabled(tmp_path, frozenset({"two", "one"}))
    assert read_disabled(tmp_path) == {"one", "two"}


@pytest.mark.parametrize("content", [b"", b"{}", b'{"disabled": 1}', b'{"disabled": {}}', b"\xff", b"[" * 10_000])
def test_a_file_that_is_none_of_ours_counts_as_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert read_disabled(tmp_path) == frozenset()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)
    assert read_disabled(tmp_path) == frozenset()


def test_a_folder_that_is_gone_is_reported(tmp_path: Path) -> None:
    assert not write_disabled(tmp_path / "gone", frozenset({"one"}))


NAMES = {"ext.brush": "brush", "ext.tool": "tool"}
FIRST, OTHER = 1, 2
"""Marks of preferences."""


def test_a_choice_counts_until_it_is_taken_back() -> None:
    choices = Choices(frozenset({"of_another_class"}), NAMES, FIRST)
    assert choices.look(["ext.brush"], FIRST) == {"of_another_class", "tool"}
    assert choices.look(["ext.brush", "ext.tool"], FIRST) == {"of_another_class"}


def test_what_goes_with_all_preferences_was_not_disabled_by_the_person() -> None:
    """As Load Factory Settings and Revert to Saved do."""
    choices = Choices(frozenset({"brush"}), NAMES, FIRST)
    for _ in range(2):
        assert choices.look([], OTHER) == {"brush"}


def test_choices_in_the_new_preferences_count() -> None:
    choices = Choices(frozenset({"brush"}), NAMES, FIRST)
    assert choices.look([], OTHER) == {"brush"}
    assert choices.look(["ext.brush", "ext.tool"], OTHER) == frozenset()
    assert choices.look(["ext.brush"], OTHER) == {"tool"}
