"""What a desktop opens at a start, with all that its home folder may look like by then."""

from pathlib import Path

import pytest

from entry.errors import StartError
from entry.opening import PATIENCE, decide, instead_of, started
from workspace.memory import Memory, recall

CART = "shopping_cart.blend"


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / CART).write_text("as in the image")
    (folder / CART).chmod(0o444)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_the_first_start_opens_a_copy_that_can_be_saved(samples: Path, home: Path) -> None:
    opening = decide(CART, samples, home, Memory())
    assert opening.scene == home / CART
    assert opening.notice == ""
    assert (home / CART).read_text() == "as in the image"
    assert (home / CART).stat().st_mode & 0o200
    assert [path.name for path in home.iterdir()] == [CART]


def test_a_later_start_opens_the_copy_with_the_work_in_it(samples: Path, home: Path) -> None:
    (home / CART).write_text("my work")
    assert decide(CART, samples, home, Memory()).scene == home / CART
    assert (home / CART).read_text() == "my work"


def test_the_scene_that_was_open_last_is_opened_again(samples: Path, home: Path) -> None:
    (home / "shots").mkdir()
    (home / "shots" / "two.blend").write_text("my work")
    opening = decide(CART, samples, home, Memory("shots/two.blend"))
    assert (opening.scene, opening.notice) == (home / "shots" / "two.blend", "")
    assert not (home / CART).exists()


def test_no_sample_and_no_memory_is_the_empty_scene(samples: Path, home: Path) -> None:
    opening = decide("", samples, home, Memory())
    assert (opening.scene, opening.notice) == (None, "")


def test_a_scene_that_is_gone_is_told_of(samples: Path, home: Path) -> None:
    (home / CART).write_text("my work")
    opening = decide(CART, samples, home, Memory("two.blend"))
    assert opening.scene == home / CART
    expected = "two.blend, which was open last, is not there any more. shopping_cart.blend is open in its place."
    assert opening.notice == expected


def test_a_scene_that_is_gone_leaves_the_empty_scene_without_a_sample(samples: Path, home: Path) -> None:
    opening = decide("", samples, home, Memory("two.blend"))
    assert opening.scene is None
    assert opening.notice == "two.blend, which was open last, is not there any more. This is an empty scene."


def test_a_scene_that_cannot_be_read_is_kept_and_replaced(samples: Path, home: Path) -> None:
    (home / CART).write_text("damaged")
    opening = instead_of(home / CART, CART, samples, home)
    assert opening.scene == home / "shopping_cart-2.blend"
    assert (home / CART).read_text() == "damaged"
    assert (home / "shopping_cart-2.blend").read_text() == "as in the image"
    assert "shopping_cart.blend cannot be read; it was left as it is." in opening.notice
    assert "open as shopping_cart-2.blend" in opening.notice


def test_a_crash_is_told_of_with_the_way_to_the_automatic_save(samples: Path, home: Path) -> None:
    (home / CART).write_text("my work")
    opening = decide(CART, samples, home, Memory(CART, running=True))
    assert opening.scene == home / CART
    assert "File > Recover > Auto Save" in opening.notice


def test_a_scene_that_ends_every_start_is_not_opened_for_ever(samples: Path, home: Path) -> None:
    (home / CART).write_text("ends Blender")
    memory = Memory()
    for _ in range(PATIENCE):
        opening = decide(CART, samples, home, memory)
        assert opening.scene == home / CART
        memory = started(opening, home, memory)
    opening = decide(CART, samples, home, memory)
    assert opening.scene == home / "shopping_cart-2.blend"
    assert "did not come on screen in 3 starts" in opening.notice
    assert started(opening, home, memory) == Memory("shopping_cart-2.blend", running=True, failed_starts=1)


def test_without_room_for_a_copy_the_sample_itself_is_opened(
    samples: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    opening = decide(CART, samples, home, Memory())
    assert opening.scene == samples / CART
    assert opening.notice.startswith("The home folder takes no copy of shopping_cart.blend (No space left on device):")
    assert list(home.iterdir()) == []
    assert started(opening, home, Memory()).scene == ""


def test_an_unknown_sample_is_refused_whatever_is_in_the_home_folder(samples: Path, home: Path) -> None:
    (home / CART).write_text("my work")
    with pytest.raises(StartError, match=r"no sample scene 'teapot\.blend'"):
        decide("teapot.blend", samples, home, Memory(CART))


def test_what_a_start_notes_is_recalled_by_the_next(samples: Path, home: Path) -> None:
    noted = started(decide(CART, samples, home, recall(home)), home, recall(home))
    assert noted == Memory(CART, running=True, failed_starts=1)
