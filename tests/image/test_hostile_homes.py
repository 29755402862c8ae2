"""Whatever lies in the home folder, the desktop starts, and a notice says what was found."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from image.volumes import USER

if TYPE_CHECKING:
    from pathlib import Path

    from image.container import Container
    from image.desktops import RunDesktop

MODULES = ("random", "json", "bpy", "sitecustomize", "usercustomize", "agent", "bridge", "entry", "aiohttp")
CODE = "open('/home/blender/was-run', 'a').write(__name__); raise SystemExit(7)"
PLACES = (
    "",
    ".local/lib/python3.13/site-packages/",
    ".config/blender/4.3/scripts/startup/",
    ".config/blender/4.3/scripts/addons/",
    ".config/blender/scripts/startup/",
)
SCENE = "shopping_cart.blend"
MANY = 100_000


def add_odd_files(home: Path) -> None:
    """Add what no program of ours makes."""
    for name in (b"caf\xe9.txt", b"two\nlines", b"-rf", b"--python", "日本".encode(), b" ", b"\x01\x7f"):
        (home / os.fsdecode(name)).write_bytes(b"")
    (home / "to-nowhere.blend").symlink_to("/nowhere")
    (home / "to-itself").symlink_to("to-itself")
    (home / "to-its-folder").symlink_to(".")
    for name, owner, mode in (("unreadable.blend", USER, 0o000), ("of-root.blend", 0, 0o600)):
        (home / name).write_bytes(b"")
        os.chown(home / name, owner, owner)
        (home / name).chmod(mode)
    (home / "folder-of-root").mkdir(mode=0o700)


def make_pipe(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    for each in (path, path.parent):
        os.chown(each, USER, USER)


def assert_works(container: Container) -> None:
    container.wait_ready()
    assert container.status()["scene"] == SCENE
    assert container.agent.post("/save").status_code == 200


def test_nothing_in_the_home_is_run_and_nothing_stops_the_start(run_desktop: RunDesktop, tmp_path: Path) -> None:
    add_odd_files(tmp_path)
    make_pipe(tmp_path / ".blender-session.json")
    make_pipe(tmp_path / ".drirc")
    (tmp_path / "many").mkdir()
    for number in range(MANY):
        os.mknod(tmp_path / "many" / str(number), stat.S_IFREG | 0o600)
    os.chown(tmp_path, 0, USER)
    tmp_path.chmod(0o2777)
    code = {f"{place}{module}.py": CODE for place in PLACES for module in MODULES}
    container = run_desktop(
        scene=SCENE, home=tmp_path, files=code | {"autosave": "", ".config/blender/userpref.blend": os.urandom(5000)}
    )
    assert_works(container)
    assert not (tmp_path / "was-run").exists()
    container.wait_log("autosave in the home folder is no folder that can be written to, so automatic saves are lost")
    container.wait_log(".drirc is a pipe or a device")


@pytest.mark.parametrize("state", ["[1]", '{"version": 9}'])
def test_a_strange_state_file_counts_as_none(desktop: Container, state: str) -> None:
    (desktop.home / ".blender-session.json").write_text(state)
    desktop.start_again(new_pod=True)
    assert_works(desktop)


def test_pipes_as_preferences_are_told(run_desktop: RunDesktop, tmp_path: Path) -> None:
    tmp_path.chmod(0o2777)
    os.chown(tmp_path, 0, USER)
    make_pipe(tmp_path / ".config/blender/userpref.blend")
    os.chown(tmp_path / ".config", USER, USER)
    container = run_desktop(scene=SCENE, home=tmp_path)
    assert_works(container)
    container.wait_log(".config/blender/userpref.blend in the home folder cannot be used")


def test_a_home_of_root_is_told(run_desktop: RunDesktop, tmp_path: Path) -> None:
    os.chown(tmp_path, 0, 0)
    tmp_path.chmod(0o755)
    container = run_desktop(scene=SCENE, home=tmp_path)
    container.wait_ready()
    container.wait_log("The home folder cannot be written to, so nothing can be saved.")
    answer = container.agent.post("/save")
    assert answer.status_code == 500
    assert "shopping_cart" in answer.json()["message"]


def test_a_scene_whose_name_is_no_text_is_opened(run_desktop: RunDesktop, desktop: Container) -> None:
    name = os.fsdecode(b"caf\xe9.blend")
    container = run_desktop(files={name: desktop.home / SCENE})
    container.wait_ready()
    container.wait_log("It is not known which scene was open last. caf")
    assert container.status()["scene"] == "caf?.blend"
    assert container.agent.post("/save").status_code == 200
    assert "Traceback" not in container.log()
