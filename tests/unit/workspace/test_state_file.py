"""The state file keeps the state from one start to the next, and never names a scene outside the home folder."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from workspace.state_file import STATE_FILE, WorkspaceState, read_state, record_open_scene, write_state

KNOWN = WorkspaceState("cart.blend", running=True, failed_starts=2, ended_because="It ended.")


def test_the_state_that_was_written_is_read(tmp_path: Path) -> None:
    assert write_state(tmp_path, KNOWN)
    assert read_state(tmp_path) == KNOWN
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_an_empty_home_folder_has_the_default_state(tmp_path: Path) -> None:
    assert read_state(tmp_path) == WorkspaceState(found=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"scene": 1, "running": false, "failed_starts": 0}',
        '{"scene": "a.blend", "running": 1, "failed_starts": 0}',
        '{"scene": "a.blend", "running": true, "failed_starts": true}',
        "[" * 10_000,
        "\ufffe",
        '"text"',
        "1" * 10_000,
        '{"scene": "a.blend", "running": true, "failed_starts": 1e999}',
        " " * 20_000 + '{"scene": "a.blend", "running": true, "failed_starts": 0}',
    ],
)
def test_a_damaged_state_file_counts_as_missing(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE_FILE).write_text(text)
    assert read_state(tmp_path) == WorkspaceState(found=False)


@pytest.mark.parametrize(
    "scene", ["../a.blend", "/etc/a.blend", "a/../../a.blend", "link/a.blend", "a\0.blend", "\ud800.blend"]
)
def test_a_scene_outside_the_home_folder_counts_as_none(tmp_path: Path, scene: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(tmp_path)
    (home / STATE_FILE).write_text(json.dumps(asdict(KNOWN) | {"scene": scene}))
    assert read_state(home) == replace(KNOWN, scene="")


@pytest.mark.parametrize("scene", ["x" * 300 + ".blend", "loop.blend", "\udcff.blend", "a\n.blend", "-x.blend", "a"])
def test_a_scene_with_an_odd_name_is_one(tmp_path: Path, scene: str) -> None:
    (tmp_path / "loop.blend").symlink_to("loop.blend")
    write_state(tmp_path, replace(KNOWN, scene=scene))
    assert read_state(tmp_path).scene == scene


def test_the_cause_of_the_last_end_is_one_short_line_of_text(tmp_path: Path) -> None:
    write_state(tmp_path, replace(KNOWN, ended_because="a\0b\ud800c\nd" + "e" * 1000))
    found = read_state(tmp_path).ended_because
    assert found.startswith("abcde")
    assert len(found) == 300


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to a device", "link to itself"])
def test_a_state_file_that_is_no_file_counts_as_missing(tmp_path: Path, kind: str) -> None:
    file = tmp_path / STATE_FILE
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero" if kind == "link to a device" else STATE_FILE)
    assert read_state(tmp_path) == WorkspaceState(found=False)
    assert write_state(tmp_path, KNOWN) is (kind != "folder")
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_a_state_of_an_older_image_has_no_cause(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text('{"scene": "cart.blend", "running": true, "failed_starts": 2}')
    assert read_state(tmp_path) == replace(KNOWN, ended_because="")


def test_a_scene_that_was_opened_is_recorded_and_the_other_values_stay(tmp_path: Path) -> None:
    write_state(tmp_path, KNOWN)
    record_open_scene(tmp_path, str(tmp_path / "shots" / "two.blend"))
    assert read_state(tmp_path) == replace(KNOWN, scene="shots/two.blend")


@pytest.mark.parametrize("file", ["", "/tmp/elsewhere.blend"])
def test_a_scene_outside_the_home_folder_is_not_recorded(tmp_path: Path, file: str) -> None:
    write_state(tmp_path, KNOWN)
    record_open_scene(tmp_path, file)
    assert read_state(tmp_path) == KNOWN


def test_a_state_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    assert not write_state(tmp_path / "nowhere", KNOWN)
