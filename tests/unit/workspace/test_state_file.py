"""The state file keeps the state from one start to the next, and never names a scene outside the home folder."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from workspace.state_file import STATE_FILE, WorkspaceState, read_state, record_open_scene, write_state

KNOWN = WorkspaceState("cart.blend", running=True, failed_starts=2)


def test_the_state_that_was_written_is_read(tmp_path: Path) -> None:
    assert write_state(tmp_path, KNOWN)
    assert read_state(tmp_path) == KNOWN
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_an_empty_home_folder_has_the_default_state(tmp_path: Path) -> None:
    assert read_state(tmp_path) == WorkspaceState()


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
    ],
)
def test_a_damaged_state_file_counts_as_missing(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE_FILE).write_text(text)
    assert read_state(tmp_path) == WorkspaceState()


@pytest.mark.parametrize(
    "scene", ["../a.blend", "/etc/a.blend", "a/../../a.blend", "link/a.blend", "a.txt", "a\0.blend"]
)
def test_a_scene_outside_the_home_folder_counts_as_none(tmp_path: Path, scene: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(tmp_path)
    (home / STATE_FILE).write_text(json.dumps(asdict(KNOWN) | {"scene": scene}))
    assert read_state(home) == WorkspaceState("", running=True, failed_starts=2)


def test_a_scene_that_was_opened_is_recorded_and_the_other_values_stay(tmp_path: Path) -> None:
    write_state(tmp_path, KNOWN)
    record_open_scene(tmp_path, str(tmp_path / "shots" / "two.blend"))
    assert read_state(tmp_path) == WorkspaceState("shots/two.blend", running=True, failed_starts=2)


@pytest.mark.parametrize("file", ["", "/tmp/elsewhere.blend"])
def test_a_scene_outside_the_home_folder_is_not_recorded(tmp_path: Path, file: str) -> None:
    write_state(tmp_path, KNOWN)
    record_open_scene(tmp_path, file)
    assert read_state(tmp_path) == KNOWN


def test_a_state_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    assert not write_state(tmp_path / "nowhere", KNOWN)
