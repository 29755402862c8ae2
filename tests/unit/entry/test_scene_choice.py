"""The scene that a desktop opens at a start depends on what is in its home folder."""

import os
import stat
from pathlib import Path

import pytest

from entry.errors import StartError
from entry.scene_choice import MAX_FAILED_STARTS, SceneChoice, choose_replacement, choose_scene, state_during_start
from workspace.state_file import WorkspaceState, read_state

CART = "shopping_cart.blend"


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / CART).write_text("as in the image")
    (folder / CART).chmod(0o444)
    return folder


def test_the_first_start_opens_a_copy_that_can_be_saved(samples: Path, home: Path) -> None:
    choice = choose_scene(CART, samples, home, WorkspaceState())
    assert choice.scene == home / CART
    assert choice.notice == ""
    assert (home / CART).read_text() == "as in the image"
    assert (home / CART).stat().st_mode & 0o200
    assert [path.name for path in home.iterdir()] == [CART]


def test_a_later_start_opens_the_copy_with_the_work_in_it(samples: Path, home: Path) -> None:
    (home / CART).write_text("my work")
    assert choose_scene(CART, samples, home, WorkspaceState()).scene == home / CART
    assert (home / CART).read_text() == "my work"


def test_the_scene_that_was_open_last_is_opened_again(samples: Path, home: Path) -> None:
    (home / "shots").mkdir()
    (home / "shots" / "two.blend").write_text("my work")
    choice = choose_scene(CART, samples, home, WorkspaceState("shots/two.blend"))
    assert (choice.scene, choice.notice) == (home / "shots" / "two.blend", "")
    assert not (home / CART).exists()


def test_no_sample_and_no_state_is_the_empty_scene(samples: Path, home: Path) -> None:
    choice = choose_scene("", samples, home, WorkspaceState())
    assert (choice.scene, choice.notice) == (None, "")


def test_a_notice_names_the_scene_that_is_gone_and_its_replacement(samples: Path, home: Path) -> None:
    (home / CART).write_text("my work")
    choice = choose_scene(CART, samples, home, WorkspaceState("two.blend"))
    assert choice.scene == home / CART
    expected = "two.blend was open last and no longer exists. shopping_cart.blend was opened instead."
    assert choice.notice == expected


def test_without_a_sample_a_scene_that_is_gone_is_replaced_by_the_empty_scene(samples: Path, home: Path) -> None:
    choice = choose_scene("", samples, home, WorkspaceState("two.blend"))
    assert choice.scene is None
    assert choice.notice == "two.blend was open last and no longer exists. An empty scene was opened."


def test_a_scene_that_cannot_be_read_is_kept_and_replaced(samples: Path, home: Path) -> None:
    (home / CART).write_text("damaged")
    choice = choose_replacement(home / CART, CART, samples, home)
    assert choice.scene == home / "shopping_cart-2.blend"
    assert (home / CART).read_text() == "damaged"
    assert (home / "shopping_cart-2.blend").read_text() == "as in the image"
    assert "shopping_cart.blend cannot be read. The file is unchanged." in choice.notice
    assert "opened as shopping_cart-2.blend" in choice.notice


def crashed(home: Path, ended_because: str = "", *, recovered: float | None = None) -> SceneChoice:
    """Choose after a crash, with a scene that was written at second 1000 and an automatic save of another time."""
    (home / CART).write_text("my work")
    os.utime(home / CART, (1000, 1000))
    file = None
    if recovered is not None:
        file = home / "recovered" / "shopping_cart-1.blend"
        file.parent.mkdir()
        file.write_text("newer work")
        os.utime(file, (recovered, recovered))
    state = WorkspaceState(CART, running=True, ended_because=ended_because)
    return choose_scene("", home, home, state, file)


def test_the_notice_after_a_crash_names_the_newer_automatic_save(home: Path) -> None:
    choice = crashed(home, recovered=2000)
    assert choice.scene == home / CART
    expected = (
        "Blender ended unexpectedly. The last automatic save is newer than the scene: "
        "recovered/shopping_cart-1.blend. File > Open shows what is in it."
    )
    assert choice.notice == expected


@pytest.mark.parametrize("recovered", [None, 500])
def test_the_notice_after_a_crash_names_no_older_automatic_save(home: Path, recovered: float | None) -> None:
    assert crashed(home, recovered=recovered).notice == "Blender ended unexpectedly."


def test_the_notice_after_a_crash_names_a_known_cause(home: Path) -> None:
    assert crashed(home, "Blender used too much memory.").notice == "Blender used too much memory."


def test_after_an_end_in_order_there_is_no_notice(home: Path) -> None:
    (home / CART).write_text("my work")
    choice = choose_scene("", home, home, WorkspaceState(CART, running=False), home / "recovered" / "a.blend")
    assert choice.notice == ""


def test_without_a_state_the_scene_that_was_changed_last_is_opened(samples: Path, home: Path) -> None:
    for name, written in ((CART, 1000), ("two.blend", 2000)):
        (home / name).write_text("my work")
        os.utime(home / name, (written, written))
    choice = choose_scene(CART, samples, home, WorkspaceState(found=False))
    assert choice.scene == home / "two.blend"
    expected = "It is not known which scene was open last. two.blend was changed last and was opened."
    assert choice.notice == expected
    (home / "two.blend").unlink()
    assert choose_scene(CART, samples, home, WorkspaceState(found=False)) == SceneChoice(home / CART)


def test_a_scene_that_is_gone_has_its_newest_automatic_save_named(samples: Path, home: Path) -> None:
    (home / "recovered").mkdir()
    (home / "recovered" / "two-1.blend").write_text("newer work")
    choice = choose_scene("", samples, home, WorkspaceState("two.blend"))
    assert "The newest automatic save is recovered/two-1.blend." in choice.notice


@pytest.mark.parametrize("kind", ["pipe", "folder", "broken link", "link to a device"])
def test_a_scene_that_was_replaced_by_something_else_is_not_opened(samples: Path, home: Path, kind: str) -> None:
    odd = home / "two.blend"
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "folder":
        odd.mkdir()
    else:
        odd.symlink_to("nowhere" if kind == "broken link" else "/dev/zero")
    choice = choose_scene("", samples, home, WorkspaceState("two.blend"))
    assert choice == SceneChoice(None, "two.blend was open last and cannot be read. An empty scene was opened.")
    assert os.path.lexists(odd)


def test_something_else_in_place_of_the_samples_copy_is_left_and_a_new_copy_is_made(samples: Path, home: Path) -> None:
    os.mkfifo(home / CART)
    choice = choose_scene(CART, samples, home, WorkspaceState(found=False))
    assert choice.scene == home / "shopping_cart-2.blend"
    assert stat.S_ISFIFO((home / CART).stat().st_mode)


def test_a_scene_that_fails_every_start_is_replaced(samples: Path, home: Path) -> None:
    (home / CART).write_text("ends Blender")
    state = WorkspaceState()
    for _ in range(MAX_FAILED_STARTS):
        choice = choose_scene(CART, samples, home, state)
        assert choice.scene == home / CART
        state = state_during_start(choice, home, state)
    choice = choose_scene(CART, samples, home, state)
    assert choice.scene == home / "shopping_cart-2.blend"
    assert "did not appear on screen in 3 starts in a row" in choice.notice
    assert state_during_start(choice, home, state) == WorkspaceState(
        "shopping_cart-2.blend", running=True, failed_starts=1
    )


def test_without_room_for_a_copy_the_sample_itself_is_opened(
    samples: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    choice = choose_scene(CART, samples, home, WorkspaceState())
    assert choice.scene == samples / CART
    expected = "shopping_cart.blend could not be copied to the home folder: No space left on device."
    assert choice.notice.startswith(expected)
    assert list(home.iterdir()) == []
    assert state_during_start(choice, home, WorkspaceState()).scene == ""


def test_an_unknown_sample_is_refused_even_if_another_scene_was_open_last(samples: Path, home: Path) -> None:
    (home / CART).write_text("my work")
    with pytest.raises(StartError, match=r"no sample scene 'teapot\.blend'"):
        choose_scene("teapot.blend", samples, home, WorkspaceState(CART))


def test_the_state_during_a_start_has_the_scene_and_counts_the_start(samples: Path, home: Path) -> None:
    state = state_during_start(choose_scene(CART, samples, home, read_state(home)), home, read_state(home))
    assert state == WorkspaceState(CART, running=True, failed_starts=1)
