"""Blender is started so that it runs no code of the home folder, and opens exactly the scene that was chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from entry.blender import Start, blender_command, blender_environment
from entry.home_check import Home
from entry.scene_choice import SceneChoice
from entry.screen import Screen

SCREEN = Screen(1920, 1080, 24)


def command(scene: Path | None = None, *, factory_settings: bool = False) -> list[str]:
    return blender_command(Start(SceneChoice(scene), factory_settings), SCREEN)


def test_the_window_has_the_screens_size_and_no_script_runs_by_itself() -> None:
    found = command()
    assert found[0] == "blender"
    assert "--disable-autoexec" in found
    position = found.index("--window-geometry")
    assert found[position + 1 : position + 5] == ["0", "0", "1920", "1080"]
    assert "--factory-startup" not in found


def test_the_scene_comes_last_after_the_bridge_and_is_no_option() -> None:
    found = command(Path("/home/blender/-x.blend"))
    assert found[-1] == "/home/blender/-x.blend"
    assert found[-3] == "--python"
    assert Path(found[-2]).is_file()


def test_blender_and_its_renderer_have_as_many_threads_as_the_container_may_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Home
) -> None:
    monkeypatch.setattr("entry.blender.processor_count", lambda: 3)
    found = command()
    assert found[found.index("--threads") + 1] == "3"
    assert environment(home, tmp_path)["LP_NUM_THREADS"] == "3"


def test_without_a_scene_none_is_given() -> None:
    assert command()[-2] == "--python"


def test_factory_settings_come_first() -> None:
    assert command(factory_settings=True)[1] == "--factory-startup"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    presets = tmp_path / "home" / ".config" / "blender" / "presets"
    presets.mkdir(parents=True)
    return Home(presets.parent, presets, tmp_path / "home")


def environment(home: Home, temporary: Path) -> dict[str, str]:
    start = Start(SceneChoice(None, "It was recovered."), factory_settings=False)
    return blender_environment({"PATH": "/bin"}, ":7", start, Path("/files"), home, temporary)


def test_the_preferences_are_kept_and_scripts_and_extensions_not(tmp_path: Path, home: Home) -> None:
    found = environment(home, tmp_path)
    assert found["BLENDER_USER_CONFIG"] == str(home.config)
    assert found["BLENDER_USER_SCRIPTS"] == str(tmp_path / "scripts")
    assert found["BLENDER_USER_EXTENSIONS"] == str(tmp_path / "extensions")
    assert [path.name for path in (tmp_path / "scripts").iterdir()] == ["presets"]
    assert (tmp_path / "scripts" / "presets").readlink() == home.presets


def test_the_bridge_learns_where_it_is(tmp_path: Path, home: Home) -> None:
    found = environment(home, tmp_path)
    assert (found["HOME"], found["DISPLAY"], found["PATH"]) == (str(home.home), ":7", "/bin")
    assert found["BLENDER_SESSION_HOME"] == "/files"
    assert found["BLENDER_SESSION_NOTICE"] == "It was recovered."


def test_presets_of_a_former_start_are_replaced(tmp_path: Path, home: Home) -> None:
    environment(home, tmp_path)
    other = Home(home.config, tmp_path / "other", home.home)
    environment(other, tmp_path)
    assert (tmp_path / "scripts" / "presets").readlink() == tmp_path / "other"
    environment(Home(home.config, None, home.home), tmp_path)
    assert list((tmp_path / "scripts").iterdir()) == []
