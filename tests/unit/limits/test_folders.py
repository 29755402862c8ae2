"""How full a folder is, by its emptyDir's limit or by its volume, whichever is nearer to full."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from limits import folders
from limits.folders import Fill, measure

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MIB = 1 << 20


def fill(path: Path, mebibytes: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(mebibytes * MIB))


def measured(folder: Path, limit_bytes: int | None) -> Fill:
    found = measure(folder, limit_bytes)
    assert found is not None
    return found


def test_without_a_limit_the_volume_counts(tmp_path: Path) -> None:
    found = measured(tmp_path, None)
    volume = os.statvfs(tmp_path)
    assert found.limit_bytes == volume.f_blocks * volume.f_frsize
    assert 0 < found.used_bytes <= found.limit_bytes


def test_with_a_limit_all_files_below_the_folder_count(tmp_path: Path) -> None:
    fill(tmp_path / "a", 2)
    fill(tmp_path / ".hidden" / "deep" / "b", 3)
    found = measured(tmp_path, 5 * MIB)
    assert found.limit_bytes == 5 * MIB
    assert 5 * MIB <= found.used_bytes < 6 * MIB
    assert found.ratio >= 1.0


def test_with_a_limit_the_nodes_disk_does_not_count(tmp_path: Path) -> None:
    fill = measure(tmp_path, 1 << 60)
    assert fill is not None
    assert fill.ratio < 0.01


def test_a_file_with_holes_counts_by_its_blocks(tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as stream:
        stream.truncate(1 << 40)
    fill(tmp_path / "a", 2)
    assert measured(tmp_path, 2 * MIB).used_bytes < 3 * MIB


def test_links_are_not_followed_and_odd_files_are_no_obstacle(tmp_path: Path) -> None:
    outside, home = tmp_path / "outside", tmp_path / "home"
    fill(outside / "large", 8)
    fill(home / "a", 2)
    (home / "link").symlink_to(outside)
    (home / "file").symlink_to(outside / "large")
    (home / "self").symlink_to("self")
    (home / "up").symlink_to(home)
    os.mkfifo(home / "pipe")
    assert 2 * MIB <= measured(home, 2 * MIB).used_bytes < 3 * MIB


def test_of_a_huge_folder_only_a_part_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        fill(tmp_path / str(number))
    monkeypatch.setattr(folders, "MAX_ENTRIES", 4)
    assert 4 * MIB <= measured(tmp_path, MIB).used_bytes < 5 * MIB


def test_a_file_that_is_removed_meanwhile_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        fill(tmp_path / str(number))
    real = os.scandir

    class Vanishing:
        """The entries of a folder, one of which is gone when it is looked at."""

        def __init__(self, folder: str) -> None:
            self._entries = list(real(folder))
            (tmp_path / self._entries[0].name).unlink()

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self._entries

        def __exit__(self, *_: object) -> None:
            return

    monkeypatch.setattr(os, "scandir", Vanishing)
    assert 4 * MIB <= measured(tmp_path, MIB).used_bytes < 5 * MIB


def test_a_folder_that_is_not_there_is_no_failure(tmp_path: Path) -> None:
    assert measure(tmp_path / "nowhere", None) is None
    assert measure(tmp_path / "nowhere", MIB) is None


def test_a_volume_without_a_size_is_empty() -> None:
    assert Fill(0, 0).ratio == 0.0
