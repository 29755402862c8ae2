"""Blender computes with as many threads as the container may use, on a node with any number of processors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from limits.processors import processor_count

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _node(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node with 64 processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("200000 100000", 2),
        ("250000 100000", 3),
        ("5000 100000", 1),
        ("9000000 100000", 64),
        ("max 100000", 64),
        ("garbage", 64),
        ("200000 0", 64),
    ],
)
def test_the_limit_of_version_2(tmp_path: Path, limit: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(limit + "\n")
    assert processor_count(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("150000", 2), ("-1", 64)])
def test_the_limit_of_version_1(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert processor_count(tmp_path) == expected


def test_without_a_control_group_all_of_the_node_are_used(tmp_path: Path) -> None:
    assert processor_count(tmp_path) == 64
