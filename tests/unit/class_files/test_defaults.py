"""The class's start-up file and preferences stand where Blender looks, until the person has their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from class_files.defaults import MAX_BYTES, NOTE, newer_files, put_defaults
from scene.versions import BlenderVersion
from unit.scene.blends import old_blend

STARTUP = {"BLENDER_STARTUP_FILE": "studio/start.blend"}
BLENDER = BlenderVersion("4.3.2", (4, 3, 32))
PREFERENCES = {"BLENDER_PREFERENCES": "userpref.blend"}


class Desk:
    """The mounts of a pod, and a home folder's folder for preferences."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config"
        self.mounts = {"BLENDER_STARTUP_FILE": folder / "startup", "BLENDER_PREFERENCES": folder / "preferences"}
        for each in (self.config, self.mounts["BLENDER_STARTUP_FILE"] / "studio", self.mounts["BLENDER_PREFERENCES"]):
            each.mkdir(parents=True)
        self.of_class = self.mounts["BLENDER_STARTUP_FILE"] / "studio" / "start.blend"
        self.ours = self.config / "startup.blend"

    def start(self, environment: dict[str, str] = STARTUP) -> tuple[str, ...]:
        return put_defaults(self.config, environment, self.mounts)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.config.iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_both_files_are_put_where_blender_looks(desk: Desk) -> None:
    desk.of_class.write_bytes(old_blend())
    (desk.mounts["BLENDER_PREFERENCES"] / "userpref.blend").write_bytes(old_blend() + b"preferences")
    assert desk.start(STARTUP | PREFERENCES) == ()
    assert desk.ours.read_bytes() == old_blend()
    assert (desk.config / "userpref.blend").read_bytes() == old_blend() + b"preferences"


def test_a_class_without_files_leaves_nothing(desk: Desk) -> None:
    assert desk.start({}) == ()
    assert desk.left() == []


def test_a_persons_own_file_is_never_touched(desk: Desk) -> None:
    desk.of_class.write_bytes(old_blend())
    desk.ours.write_bytes(b"mine")
    for environment in (STARTUP, {}, STARTUP):
        assert desk.start(environment) == ()
        assert desk.ours.read_bytes() == b"mine"


def test_a_copy_that_nobody_changed_follows_the_class(desk: Desk) -> None:
    for content in (old_blend(), old_blend() + b"newer"):
        desk.of_class.write_bytes(content)
        desk.start()
        assert desk.ours.read_bytes() == content
    assert desk.start({}) == ()
    assert desk.left() == [NOTE]


def test_a_copy_that_the_person_saved_over_is_theirs_whatever_the_class_does(desk: Desk) -> None:
    desk.of_class.write_bytes(old_blend())
    desk.start()
    desk.ours.write_bytes(b"mine")
    desk.of_class.write_bytes(old_blend() + b"newer")
    for environment in (STARTUP, {}, STARTUP):
        assert desk.start(environment) == ()
        assert desk.ours.read_bytes() == b"mine"


def test_a_file_that_went_is_told_and_the_former_copy_stays(desk: Desk) -> None:
    desk.of_class.write_bytes(old_blend())
    desk.start()
    desk.of_class.unlink()
    for _ in range(2):
        [problem] = desk.start()
        assert problem.startswith("studio/start.blend is not there, though the session class names it.")
        assert desk.ours.read_bytes() == old_blend()
    desk.of_class.write_bytes(old_blend() + b"newer")
    assert desk.start() == ()
    assert desk.ours.read_bytes() == old_blend() + b"newer"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"no scene", "is no .blend file"),
        (old_blend()[:20], "is cut off"),
        (old_blend().ljust(MAX_BYTES + 1), "has more than 32 MB"),
    ],
)
def test_what_is_no_start_up_file_is_refused_with_words(desk: Desk, content: bytes, why: str) -> None:
    desk.of_class.write_bytes(content)
    [problem] = desk.start()
    assert problem.startswith(f"The start-up file of the session class, studio/start.blend, {why}, so it is not used.")
    assert desk.left() == []


def test_a_config_maps_links_are_followed_and_no_link_leads_out(desk: Desk, tmp_path: Path) -> None:
    mount = desk.mounts["BLENDER_STARTUP_FILE"]
    (mount / "..data").symlink_to("studio")
    desk.of_class.write_bytes(old_blend())
    (mount / "key.blend").symlink_to("..data/start.blend")
    assert desk.start({"BLENDER_STARTUP_FILE": "key.blend"}) == ()
    assert desk.ours.read_bytes() == old_blend()
    secret = tmp_path / "secret.blend"
    secret.write_bytes(old_blend() + b"secret")
    for name, target in (("out.blend", secret), ("up.blend", Path("../secret.blend"))):
        (mount / name).symlink_to(target)
        [problem] = desk.start({"BLENDER_STARTUP_FILE": name})
        assert problem.startswith(f"{name} leads out of the volume that the session class names.")
    assert desk.ours.read_bytes() == old_blend()


def test_a_pipe_is_no_start_up_file_and_is_not_waited_for(desk: Desk) -> None:
    os.mkfifo(desk.of_class)
    [problem] = desk.start()
    assert "cannot be read (it is no file), so it is not used" in problem
    assert newer_files(desk.config, BLENDER, STARTUP) == ()


@pytest.mark.parametrize("note", [b"", b"[]", b'{"startup.blend": [1]}', b"\xff", b"[" * 10_000])
def test_a_note_that_a_person_changed_takes_no_file_from_them(desk: Desk, note: bytes) -> None:
    desk.of_class.write_bytes(old_blend())
    desk.ours.write_bytes(b"mine")
    (desk.config / NOTE).write_bytes(note)
    assert desk.start() == ()
    assert desk.ours.read_bytes() == b"mine"


def test_a_copy_whose_note_was_never_written_follows_the_class_too(desk: Desk) -> None:
    """As when the container ends between the two, or the home folder is full."""
    desk.of_class.write_bytes(old_blend())
    desk.start()
    (desk.config / NOTE).unlink()
    assert desk.start() == ()
    desk.of_class.write_bytes(old_blend() + b"newer")
    assert desk.start() == ()
    assert desk.ours.read_bytes() == old_blend() + b"newer"


def test_a_folder_that_cannot_be_written_to_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> object:
        raise OSError(28, "No space left on device")

    desk.of_class.write_bytes(old_blend())
    monkeypatch.setattr("tempfile.mkstemp", full)
    [problem] = desk.start()
    assert problem == "The start-up file of the session class could not be put into place (No space left on device)."


def test_a_file_of_a_newer_blender_is_told(desk: Desk) -> None:
    desk.of_class.write_bytes(old_blend("502", (4, 3, 0)))
    desk.start()
    [warning] = newer_files(desk.config, BLENDER, STARTUP)
    assert warning.startswith(
        "studio/start.blend, the start-up file of the session class, was saved by Blender 5.2. This"
    )
    assert desk.ours.exists()
    desk.of_class.write_bytes(old_blend("403"))
    desk.start()
    assert newer_files(desk.config, BLENDER, STARTUP) == ()
    assert newer_files(desk.config, BLENDER, {}) == ()


def test_a_copy_that_this_blender_cannot_read_goes_until_the_class_has_another(desk: Desk) -> None:
    desk.of_class.write_bytes(old_blend("502", (5, 0, 0)))
    for _ in range(2):
        desk.start()
        [warning] = newer_files(desk.config, BLENDER, STARTUP)
        assert warning.endswith("This desktop has Blender 4.3.2. It is not used.")
        assert desk.left() == [NOTE]
    desk.of_class.write_bytes(old_blend("403"))
    assert desk.start() == ()
    assert desk.ours.read_bytes() == old_blend("403")


@pytest.mark.parametrize("oldest", [(4, 3, 0), (5, 0, 0)])
def test_nothing_is_said_of_a_class_file_that_the_persons_own_stands_above(
    desk: Desk, oldest: tuple[int, int, int]
) -> None:
    desk.of_class.write_bytes(old_blend("502", oldest))
    desk.start()
    desk.ours.write_bytes(old_blend("502", (4, 3, 1)))
    assert desk.start() == newer_files(desk.config, BLENDER, STARTUP) == ()
    assert desk.ours.exists()
