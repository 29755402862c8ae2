"""The newest scene of the home folder is found among whatever else is there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from workspace.scenes import newest_copy, newest_scene, written_at

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, written: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("scene")
    os.utime(path, (written, written))
    return path


def test_the_scene_that_was_changed_last_is_found(tmp_path: Path) -> None:
    write(tmp_path / "old.blend", 100)
    newest = write(tmp_path / "new.blend", 300)
    write(tmp_path / "older.blend", 200)
    assert newest_scene(tmp_path) == newest


def test_what_is_no_scene_of_the_person_does_not_count(tmp_path: Path) -> None:
    scene = write(tmp_path / "scene.blend", 100)
    for name in (
        ".hidden.blend",
        "scene.blend1",
        "notes.txt",
        "autosave/a.blend",
        "recovered/b.blend",
        "shots/c.blend",
    ):
        write(tmp_path / name, 900)
    os.mkfifo(tmp_path / "pipe.blend")
    (tmp_path / "folder.blend").mkdir()
    (tmp_path / "broken.blend").symlink_to("nowhere")
    (tmp_path / "device.blend").symlink_to("/dev/zero")
    assert newest_scene(tmp_path) == scene


def test_an_empty_or_missing_home_folder_has_none(tmp_path: Path) -> None:
    assert newest_scene(tmp_path) is None
    assert newest_scene(tmp_path / "nowhere") is None
    assert newest_copy(tmp_path) is None


@pytest.mark.parametrize("newest", ["autosave", "recovered"])
def test_the_newest_automatic_save_is_found_wherever_it_is(tmp_path: Path, newest: str) -> None:
    for folder in ("autosave", "recovered"):
        write(tmp_path / folder / "a.blend", 200 if folder == newest else 100)
    assert newest_copy(tmp_path) == tmp_path / newest / "a.blend"


def test_folders_that_a_person_replaced_have_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "autosave")
    (tmp_path / "recovered").write_text("a file")
    assert newest_copy(tmp_path) is None


def test_a_file_that_is_gone_is_the_oldest(tmp_path: Path) -> None:
    assert written_at(tmp_path / "gone.blend") == 0.0
