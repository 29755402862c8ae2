"""A home folder may hold anything. What a person put there is never changed, and never stops a start."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from entry import home_check
from entry.home_check import MAX_RECOVERED, check_home, keep_auto_saves, remove_partial_saves
from unit.entry.person import persons_folder, rights_of_the_person

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def write(path: Path, text: str = "scene", written: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if written is not None:
        os.utime(path, (written, written))
    return path


def test_an_empty_home_folder_gets_a_folder_for_preferences(home: Path, temporary: Path) -> None:
    found = check_home(home, temporary)
    assert found.home == home
    assert found.config == home / ".config" / "blender"
    assert found.presets == home / ".config" / "blender" / "presets"
    assert found.problems == ()


@pytest.mark.parametrize("name", [".config", ".config/blender"])
@pytest.mark.parametrize("kind", ["file", "broken link"])
def test_something_else_in_place_of_the_folder_is_reported(home: Path, temporary: Path, name: str, kind: str) -> None:
    path = home / name
    path.parent.mkdir(exist_ok=True)
    if kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to("/nowhere/at/all")
    found = check_home(home, temporary)
    assert found.config == temporary / "config"
    assert found.presets is None
    [problem] = found.problems
    assert ".config/blender in the home folder cannot be used" in problem
    assert "your preferences are not kept" in problem
    assert os.path.lexists(path)


@pytest.mark.parametrize("name", ["userpref.blend", "startup.blend"])
@pytest.mark.parametrize("kind", ["folder", "broken link"])
def test_preferences_that_cannot_be_read_are_reported(home: Path, temporary: Path, name: str, kind: str) -> None:
    path = home / ".config" / "blender" / name
    path.parent.mkdir(parents=True)
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    found = check_home(home, temporary)
    assert found.config == temporary / "config"
    assert f".config/blender/{name}" in " ".join(found.problems)


@pytest.mark.parametrize("name", ["userpref.blend", "startup.blend", "recent-files.txt", "bookmarks.txt"])
def test_a_pipe_that_blender_would_wait_for_is_passed_by(home: Path, temporary: Path, name: str) -> None:
    pipe = home / ".config" / "blender" / name
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    found = check_home(home, temporary)
    assert found.config == temporary / "config"
    assert found.home == temporary / "home"
    assert f".config/blender/{name}" in " ".join(found.problems)


@pytest.mark.parametrize("name", [".Xauthority", ".config/fontconfig/fonts.conf", ".drirc", ".cache/a/b/c"])
def test_a_hidden_pipe_makes_another_folder_the_home_of_programs(home: Path, temporary: Path, name: str) -> None:
    pipe = home / name
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    write(temporary / "home" / "left")
    found = check_home(home, temporary)
    assert found.home == temporary / "home"
    assert list(found.home.iterdir()) == []
    [problem] = found.problems
    assert problem.startswith(f"{name} is a pipe or a device")
    assert str(home) in problem


def test_a_hidden_pipe_is_found_behind_thousands_of_files(
    home: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_check, "MAX_HIDDEN_ENTRIES", 10)
    for number in range(50):
        write(home / f"{number}.png")
    os.mkfifo(home / ".pipe")
    assert check_home(home, temporary).home == temporary / "home"


def test_what_no_library_waits_for_changes_nothing(home: Path, temporary: Path) -> None:
    os.mkfifo(home / "visible")
    (home / ".bash_history").symlink_to("/dev/null")
    (home / ".broken").symlink_to("nowhere")
    (home / ".loop").symlink_to(".")
    (home / ".folder").mkdir()
    found = check_home(home, temporary)
    assert (found.home, found.problems) == (home, ())


@pytest.mark.parametrize("kind", ["file", "pipe", "broken link"])
def test_automatic_saves_without_a_folder_are_reported(home: Path, temporary: Path, kind: str) -> None:
    path = home / "autosave"
    if kind == "file":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    [problem] = check_home(home, temporary).problems
    assert problem.startswith("autosave in the home folder is no folder")
    assert keep_auto_saves(home) is None


@pytest.mark.parametrize("name", [".", ".config", ".config/blender", "autosave"])
def test_a_folder_without_rights_is_reported(name: str) -> None:
    with persons_folder() as folder:
        path = folder / "home" / name
        with rights_of_the_person():
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0)
            try:
                found = check_home(folder / "home", folder / "temporary")
                assert keep_auto_saves(folder / "home") is None
            finally:
                path.chmod(0o700)
        assert found.problems
        assert (found.config == folder / "home" / ".config" / "blender") is (name == "autosave")


def test_the_automatic_saves_are_moved_and_the_newest_is_returned(home: Path) -> None:
    write(home / "autosave" / "cart_17_autosave.blend", "new", 2_000_000)
    write(home / "autosave" / "cart_16_autosave.blend", "old", 1_000_000)
    write(home / "autosave" / "notes.txt")
    newest = keep_auto_saves(home)
    assert newest is not None
    assert newest.read_text() == "new"
    assert newest.name == f"cart-{time.strftime('%Y%m%d-%H%M%S', time.localtime(2_000_000))}.blend"
    assert sorted(path.read_text() for path in (home / "recovered").iterdir()) == ["new", "old"]
    assert [path.name for path in (home / "autosave").iterdir()] == ["notes.txt"]
    assert keep_auto_saves(home) is None


def test_automatic_saves_of_the_same_second_are_both_kept(home: Path) -> None:
    for number in (16, 17):
        write(home / "autosave" / f"cart_{number}_autosave.blend", str(number), 1_000_000)
    keep_auto_saves(home)
    assert sorted(path.read_text() for path in (home / "recovered").iterdir()) == ["16", "17"]


def test_one_odd_file_does_not_keep_the_others_from_being_moved(home: Path) -> None:
    folder = home / "autosave"
    write(folder / "cart_17_autosave.blend", "work", 1_000_000)
    write(folder / ("x" * 230 + "_1_autosave.blend"), "long", 1_000_001)
    (folder / "broken_1_autosave.blend").symlink_to("nowhere")
    (folder / "link_1_autosave.blend").symlink_to("cart_17_autosave.blend")
    (folder / "folder_1_autosave.blend").mkdir()
    os.mkfifo(folder / "pipe_1_autosave.blend")
    keep_auto_saves(home)
    assert sorted(path.read_text() for path in (home / "recovered").iterdir()) == ["long", "work"]
    assert len(list(folder.iterdir())) == 4


def test_without_a_folder_to_move_to_the_automatic_saves_stay(home: Path) -> None:
    write(home / "autosave" / "cart_17_autosave.blend")
    write(home / "recovered", "a file of the person")
    assert keep_auto_saves(home) is None
    assert (home / "autosave" / "cart_17_autosave.blend").exists()
    assert (home / "recovered").read_text() == "a file of the person"


def test_a_link_in_the_place_of_the_recovered_folder_is_not_followed(home: Path) -> None:
    theirs = home / "archive"
    theirs.mkdir()
    (home / "recovered").symlink_to(theirs)
    for number in range(MAX_RECOVERED + 1):
        written = 1_800_000_000 + number
        name = time.strftime("%Y%m%d-%H%M%S", time.localtime(written))
        write(theirs / f"{number}-{name}.blend", "their work", written)
    write(home / "autosave" / "two_7_autosave.blend", "work")
    assert keep_auto_saves(home) is None
    assert len(list(theirs.iterdir())) == MAX_RECOVERED + 1
    assert (home / "autosave" / "two_7_autosave.blend").read_text() == "work"


def test_the_oldest_beyond_the_limit_go_but_no_file_that_somebody_saved_to(home: Path) -> None:
    for number in range(MAX_RECOVERED + 5):
        write(home / "autosave" / f"cart_{number}_autosave.blend", str(number), 1_000_000 + number)
        keep_auto_saves(home)
    recovered = home / "recovered"
    assert sorted(int(path.read_text()) for path in recovered.iterdir()) == list(range(5, MAX_RECOVERED + 5))
    oldest = min(recovered.iterdir(), key=lambda path: path.stat().st_mtime)
    write(oldest, "my work", 1_000_500)
    write(recovered / "mine.blend", "my work", 5)
    for number in range(MAX_RECOVERED):
        write(home / "autosave" / f"cart_{number}_autosave.blend", str(number), 2_000_000 + number)
    keep_auto_saves(home)
    assert oldest.read_text() == "my work"
    assert (recovered / "mine.blend").exists()
    assert len(list(recovered.iterdir())) == MAX_RECOVERED + 2


def test_the_rest_of_a_save_that_was_cut_off_goes(home: Path) -> None:
    scene, partial = write(home / "cart.blend"), write(home / "cart.blend@")
    remove_partial_saves(scene)
    assert scene.exists()
    assert not partial.exists()
    remove_partial_saves(scene)
    remove_partial_saves(None)


def test_something_else_beside_the_scene_stays(home: Path) -> None:
    scene = write(home / "cart.blend")
    (home / "cart.blend@").mkdir()
    remove_partial_saves(scene)
    assert (home / "cart.blend@").is_dir()
