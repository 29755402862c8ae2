"""The former version of a scene stays until the new one is whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from workspace.whole_files import is_whole, keep_former, settle, settle_interrupted

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = b"BLENDER-v403" + bytes(100) + b"ENDB" + bytes(20)
PLAIN_5 = b"BLENDER17-01v0502" + bytes(100) + b"ENDB" + bytes(28)
"""Blender 5 writes longer heads of blocks."""
COMPRESSED = b"\x28\xb5\x2f\xfd" + bytes(100) + b"\xb1\xea\x92\x8f"
CUT_OFF = [
    b"",
    PLAIN[:8],
    PLAIN[:-1],
    PLAIN[:-24],
    PLAIN_5[:-1],
    PLAIN_5[:-32],
    COMPRESSED[:50],
    COMPRESSED[:-1],
    bytes(50),
]


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return tmp_path / "-scene.blend"


def replace(scene: Path, content: bytes) -> None:
    """Replace a file as Blender does: by another one."""
    partial = scene.with_name(f"{scene.name}@")
    partial.write_bytes(content)
    partial.replace(scene)


@pytest.mark.parametrize("content", [PLAIN, PLAIN_5, COMPRESSED])
def test_a_whole_file_takes_the_place_of_the_former_one(scene: Path, content: bytes) -> None:
    scene.write_bytes(PLAIN)
    keep_former(scene)
    replace(scene, content)
    assert settle(scene)
    assert scene.read_bytes() == content
    assert list(scene.parent.iterdir()) == [scene]


@pytest.mark.parametrize("content", CUT_OFF)
def test_the_former_file_comes_back_in_place_of_one_that_is_cut_off(scene: Path, content: bytes) -> None:
    scene.write_bytes(PLAIN)
    keep_former(scene)
    replace(scene, content)
    assert not settle(scene)
    assert scene.read_bytes() == PLAIN
    assert list(scene.parent.iterdir()) == [scene]


def test_a_first_save_that_is_cut_off_leaves_nothing(scene: Path) -> None:
    keep_former(scene)
    replace(scene, COMPRESSED[:-1])
    assert not settle(scene)
    assert list(scene.parent.iterdir()) == []


@pytest.mark.parametrize(("content", "kept"), [(COMPRESSED, COMPRESSED), (COMPRESSED[:-1], PLAIN)])
def test_a_save_that_was_interrupted_is_settled_at_the_next_start(scene: Path, content: bytes, kept: bytes) -> None:
    scene.write_bytes(PLAIN)
    keep_former(scene)
    replace(scene, content)
    settle_interrupted(scene.parent)
    assert scene.read_bytes() == kept
    assert list(scene.parent.iterdir()) == [scene]


@pytest.mark.parametrize(("content", "kept"), [(COMPRESSED, COMPRESSED), (COMPRESSED[:-1], PLAIN)])
def test_a_scene_that_a_save_had_moved_away_is_back_at_the_next_start(scene: Path, content: bytes, kept: bytes) -> None:
    scene.write_bytes(PLAIN)
    keep_former(scene)
    scene.with_name(f"{scene.name}@").write_bytes(content)
    scene.rename(scene.with_name(f"{scene.name}1"))
    settle_interrupted(scene.parent)
    assert scene.read_bytes() == kept


def test_a_start_changes_no_file_that_nobody_was_saving(scene: Path) -> None:
    scene.write_bytes(b"not of Blender")
    settle_interrupted(scene.parent)
    assert scene.read_bytes() == b"not of Blender"


def test_what_is_no_file_is_not_whole(scene: Path) -> None:
    scene.mkdir()
    assert not is_whole(scene)
    assert not is_whole(scene / "missing")


def test_a_pipe_is_no_whole_file_and_holds_up_no_start(scene: Path) -> None:
    os.mkfifo(scene)
    assert not is_whole(scene)
    scene.unlink()
    replace(scene, PLAIN)
    keep_former(scene)
    scene.unlink()
    os.mkfifo(scene.with_name(f"{scene.name}@"))
    settle_interrupted(scene.parent)
    assert scene.read_bytes() == PLAIN
