"""A scene is copied from a volume, and no link leads out of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from limits.room import NoRoom, Reservation
from scene.failure import Reason, SceneRefused
from scene.volume import MAX_ENTRIES, copy_from_volume
from unit.limits.rooms import RoomOf
from unit.scene.zips import names_below

if TYPE_CHECKING:
    from pathlib import Path


def ample(folder: Path) -> Reservation:
    return Reservation(RoomOf(folder), "a scene")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "volume"
    (root / "scenes" / "cart" / "textures").mkdir(parents=True)
    (root / "scenes" / "cart" / "cart.blend").write_text("scene")
    (root / "scenes" / "cart" / "textures" / "日.png").write_text("wood")
    (root / "scenes" / "cart" / ".hidden").write_text("hidden")
    (tmp_path / "secret.blend").write_text("secret")
    return root


def test_a_folder_is_copied_with_what_is_in_it(root: Path, tmp_path: Path) -> None:
    assert copy_from_volume(root, "scenes/cart/", tmp_path / "copy", 1000, ample(tmp_path)) == []
    assert names_below(tmp_path / "copy") == ["cart.blend", "textures/日.png"]


def test_a_file_is_copied_alone(root: Path, tmp_path: Path) -> None:
    assert copy_from_volume(root, "scenes/./cart/cart.blend", tmp_path / "copy", 1000, ample(tmp_path)) == []
    assert (tmp_path / "copy").read_text() == "scene"


def test_what_is_no_file_in_a_folder_stays_behind_and_is_told(root: Path, tmp_path: Path) -> None:
    folder = root / "scenes" / "cart"
    (folder / "textures" / "link.png").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("..")
    os.mkfifo(folder / "pipe")
    left_out = copy_from_volume(root, "scenes/cart", tmp_path / "copy", 1000, ample(tmp_path))
    assert left_out == ["pipe", "textures/link.png", "up"]
    assert names_below(tmp_path / "copy") == ["cart.blend", "textures/日.png"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("scenes/chair.blend", "scenes/chair.blend is not in the volume"),
        ("gone/cart.blend", "gone is not in the volume"),
        ("scenes/cart/cart.blend/x", "is no folder that can be read"),
        ("../secret.blend", "is no path in the volume"),
        ("scenes/../../secret.blend", "is no path in the volume"),
        ("/etc/passwd", "is no path in the volume"),
        ("", "is no path in the volume"),
        (".", "is no path in the volume"),
        ("out.blend", "out.blend in the volume is a link, which is not followed"),
        ("inner.blend", "is a link, which is not followed"),
        ("way/secret.blend", "way in the volume is a link, which is not followed"),
        ("pipe", "is neither a file nor a folder"),
    ],
)
def test_what_cannot_be_copied_is_refused_with_words(root: Path, tmp_path: Path, path: str, words: str) -> None:
    (root / "out.blend").symlink_to(tmp_path / "secret.blend")
    (root / "inner.blend").symlink_to("scenes/cart/cart.blend")
    (root / "way").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    with pytest.raises(SceneRefused) as refused:
        copy_from_volume(root, path, tmp_path / "copy", 1000, ample(tmp_path))
    assert refused.value.reason == Reason.NOT_FOUND
    assert words in str(refused.value)
    assert not (tmp_path / "copy").exists()


def test_a_volume_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match="cannot be read") as refused:
        copy_from_volume(tmp_path / "gone", "cart.blend", tmp_path / "copy", 1000, ample(tmp_path))
    assert refused.value.reason == Reason.NOT_FOUND


@pytest.mark.parametrize("path", ["scenes/cart", "scenes/cart/cart.blend"])
def test_what_is_too_large_is_refused(root: Path, tmp_path: Path, path: str) -> None:
    with pytest.raises(SceneRefused, match="larger than") as refused:
        copy_from_volume(root, path, tmp_path / "copy", 4, ample(tmp_path))
    assert refused.value.reason == Reason.TOO_LARGE


def test_what_does_not_fit_into_the_home_folder_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "scenes" / "cart" / "movie").write_bytes(bytes(4_000_000))
    home = tmp_path / "home"
    home.mkdir()
    room = RoomOf(home, 2_000_000)
    with room.reservation("the scene") as reservation, pytest.raises(NoRoom, match="no room for the scene"):
        copy_from_volume(root, "scenes/cart", home / "copy", 10**9, reservation)
    assert room.used() <= 2_000_000


def test_too_many_files_are_refused(root: Path, tmp_path: Path) -> None:
    for number in range(MAX_ENTRIES):
        (root / "scenes" / f"{number}").touch()
    with pytest.raises(SceneRefused, match=f"more than {MAX_ENTRIES} files"):
        copy_from_volume(root, "scenes", tmp_path / "copy", 1000, ample(tmp_path))
