"""Whatever is in the home folder, a start goes on, and every file of the person stays as it is."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from entry.blender import Start, blender_command, blender_environment
from entry.errors import StartError
from entry.home_check import check_home, keep_auto_saves
from entry.scene_choice import choose_replacement, choose_scene, state_during_start
from entry.screen import Screen
from unit.entry.person import PERSON, persons_folder, rights_of_the_person
from workspace.scenes import newest_copy, newest_scene
from workspace.state_file import STATE_FILE, read_state, record_open_scene, write_state

SAMPLE = "shopping_cart.blend"
PLACES = [
    STATE_FILE,
    SAMPLE,
    f"{SAMPLE}@",
    "two.blend",
    "shots",
    "shots/two.blend",
    "autosave",
    "autosave/two_7_autosave.blend",
    "autosave/" + "x" * 230 + "_7_autosave.blend",
    "autosave/two_8_autosave.blend",
    "recovered",
    "recovered/two-20260101-000000.blend",
    ".config",
    ".config/blender",
    ".config/blender/userpref.blend",
    ".config/blender/startup.blend",
    ".config/blender/recent-files.txt",
    ".config/blender/presets",
    ".Xauthority",
    ".cache/mesa",
    "renders",
    "-x.blend",
    "with space\n.blend",
    "\udcff.blend",
    "\u202e.blend",
    ".blend",
]
KINDS = ["file", "file", "empty", "huge", "folder", "pipe", "loop", "broken", "device", "home", "unreadable", "root's"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SCENES = st.sampled_from([*PLACES, "", ".", "..", "/", "x" * 300, "a/" * 2000, "\ud800", "a\0b"]) | st.text(max_size=20)
STATES = st.fixed_dictionaries(
    {
        "scene": SCENES | JSON,
        "running": st.booleans() | JSON,
        "failed_starts": st.integers(-1, 5) | JSON,
        "ended_because": st.text(max_size=400) | st.just("a\0b\ud800") | JSON,
    }
)
STATE_FILES = st.one_of(
    st.builds(lambda state: json.dumps(state).encode(), STATES),
    st.builds(lambda state: json.dumps(state).encode()[:-5], STATES),
    st.binary(max_size=100),
)


def make(path: Path, kind: str, home: Path) -> None:
    """Put something into the home folder, if its place is free."""
    links = {"loop": path.name, "broken": "nowhere", "device": "/dev/zero", "home": str(home)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind in links:
            path.symlink_to(links[kind])
        elif kind in ("folder", "pipe"):
            (Path.mkdir if kind == "folder" else os.mkfifo)(path)
        else:
            make_file(path, kind)
        give_to_person(path, home, mine=kind != "root's")
    except OSError:
        # Something of another kind is in the way.
        return


def make_file(path: Path, kind: str) -> None:
    with path.open("xb") as stream:
        stream.write(b"" if kind == "empty" else str(path).encode(errors="surrogateescape"))
        if kind == "huge":
            stream.truncate(1 << 40)
    path.chmod({"unreadable": 0, "root's": 0o600}.get(kind, 0o644))


def give_to_person(path: Path, home: Path, *, mine: bool) -> None:
    """Let the person own a path, if it is theirs, and the folders that lead to it."""
    if os.getuid() != 0:
        return
    if mine:
        os.chown(path, PERSON, PERSON, follow_symlinks=False)
    for parent in path.parents:
        if parent.is_relative_to(home):
            os.chown(parent, PERSON, PERSON)


def contents(home: Path) -> dict[str, tuple[int, int, str]]:
    """Return what is in the home folder, by inode: what a move does not change."""
    found = {}
    for folder, folders, files in os.walk(home):
        for name in [*folders, *files]:
            path = Path(folder, name)
            status = path.lstat()
            text = ""
            if stat.S_ISLNK(status.st_mode):
                text = os.readlink(path)  # noqa: PTH115 - `Path` would normalise it
            elif stat.S_ISREG(status.st_mode):
                with path.open("rb") as stream:
                    text = repr(stream.read(1000))
            found[str(path.relative_to(home))] = (status.st_ino, status.st_mode, text)
    return found


def start(home: Path, samples: Path, temporary: Path, sample: str) -> None:
    """Do what the entry does at a start."""
    state = read_state(home)
    recovered = keep_auto_saves(home)
    try:
        choice = choose_scene(sample, samples, home, state, recovered)
    except StartError:
        # The one reason is that the image has no such sample.
        assert sample == "teapot.blend"
        return
    choices = [choice]
    if choice.scene is not None:
        choices.append(choose_replacement(choice.scene, sample, samples, home))
    for each in choices:
        found = check_home(home, temporary)
        write_state(home, state_during_start(each, home, state))
        start_of = Start(each.prefixed(" ".join(found.problems)), factory_settings=False)
        environment = blender_environment(os.environ, ":1", start_of, home, found, temporary)
        # What a process can be started with: text without a null character that the file system's encoding knows.
        for argument in [*blender_command(start_of, Screen(1280, 720, 24)), *environment.values()]:
            assert b"\0" not in os.fsencode(argument)
        if each.scene is not None:
            assert stat.S_ISREG(each.scene.stat().st_mode)
            record_open_scene(home, str(each.scene))
    newest_scene(home)
    newest_copy(home)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(KINDS)), max_size=12),
    st.none() | STATE_FILES,
    st.sampled_from(["", SAMPLE, SAMPLE, "teapot.blend"]),
    st.sampled_from([0o755, 0o755, 0o755, 0o555, 0o000]),
)
@example([], b'{"scene": "\\ud800", "running": true, "failed_starts": 9, "ended_because": "a\\u0000b"}', "", 0o755)
@example([], json.dumps({"scene": "x" * 300, "running": True, "failed_starts": 1}).encode(), "", 0o755)
@example([("autosave/two_7_autosave.blend", "file"), ("recovered", "home")], None, "", 0o755)
@example([("shots/two.blend", "file")], b'{"scene": "shots", "running": true, "failed_starts": 0}', SAMPLE, 0o755)
def test_any_home_folder_can_be_started_with(
    things: list[tuple[str, str]], state: bytes | None, sample: str, mode: int
) -> None:
    with persons_folder() as folder:
        home, samples, temporary = folder / "home", folder / "samples", folder / "temporary"
        (samples / SAMPLE).write_text("as in the image")
        if state is not None:
            (home / STATE_FILE).write_bytes(state)
        for place, kind in things:
            make(home / place, kind, home)
        before = contents(home)
        home.chmod(mode)
        with rights_of_the_person():
            for _ in range(3):
                start(home, samples, temporary, sample)
        home.chmod(0o755)
        check_unchanged(before, contents(home))


def check_unchanged(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Every file of the person is where it was and as it was. Automatic saves may have moved, and are whole."""
    moved = {inode_and_content for path, inode_and_content in after.items() if path.startswith("recovered/")}
    for path, found in before.items():
        if path == STATE_FILE or path.endswith(f"{SAMPLE}@"):
            continue
        if path.endswith("_autosave.blend") and path not in after:
            assert found in moved, path
            continue
        assert after.get(path) == found, path


def test_a_home_folder_with_tens_of_thousands_of_files_is_no_obstacle(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f".{number}").touch()
    with persons_folder() as folder:
        start(tmp_path, folder / "samples", folder / "temporary", "")


@pytest.mark.parametrize("name", ["scripts", "config", "home"])
@pytest.mark.parametrize("kind", ["file", "pipe", "loop", "broken", "home"])
def test_what_a_person_put_into_the_temporary_folder_gives_way(name: str, kind: str) -> None:
    with persons_folder() as folder:
        home, temporary = folder / "home", folder / "temporary"
        os.mkfifo(home / ".pipe")
        (home / ".config").touch()
        make(temporary / name, kind, home)
        with rights_of_the_person():
            start(home, folder / "samples", temporary, "")
        assert sorted(path.name for path in temporary.iterdir() if path.is_dir()) == ["config", "home", "scripts"]
        assert not any(path.is_symlink() for path in temporary.iterdir())
