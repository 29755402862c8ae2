"""What arrives gets a name in the home folder only when it is known to be a scene that this Blender opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from limits.room import NoRoom
from scene.failure import Reason, SceneRefused
from scene.intake import Intake
from scene.note import MAX_NOTES, NOTE_FILE, Note, Notes, put_back, read_notes, take_over, write_note
from scene.settings import SceneSettings
from scene.versions import BlenderVersion
from unit.limits.rooms import RoomOf
from unit.scene.blends import new_blend, old_blend
from unit.scene.zips import names_below, zipped

if TYPE_CHECKING:
    from pathlib import Path

BLENDER = BlenderVersion("4.3.2", (4, 3, 32))


class Home:
    """A home folder of a test."""

    def __init__(self, folder: Path, free_bytes: int = 10**9) -> None:
        self.folder = folder
        self.intake = Intake(folder, folder / ".incoming", RoomOf(folder, free_bytes), 10**9)

    def take_in(self, name: str, content: bytes) -> Path:
        """Take in a file, and return its path in the home folder."""
        arrived = self.intake.make_folder() / "arrived"
        arrived.write_bytes(content)
        try:
            return self.intake.take_in(arrived, name, BLENDER).file.relative_to(self.folder)
        finally:
            arrived.unlink(missing_ok=True)
            arrived.parent.rmdir()

    def visible(self) -> list[str]:
        """Return the files that are not hidden."""
        return [name for name in names_below(self.folder) if not name.startswith(".")]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_scene_gets_its_name(home: Home) -> None:
    assert str(home.take_in("日本.blend", old_blend())) == "日本.blend"
    assert home.visible() == ["日本.blend"]
    assert (home.folder / "日本.blend").stat().st_mode & 0o777 == 0o644


def test_nothing_that_is_there_is_replaced(home: Home) -> None:
    (home.folder / "cart.blend").write_text("mine")
    (home.folder / "cart").mkdir()
    assert str(home.take_in("cart.blend", old_blend())) == "cart-2.blend"
    assert str(home.take_in("cart.zip", zipped(("a.blend", old_blend())))) == "cart-2/a.blend"
    assert (home.folder / "cart.blend").read_text() == "mine"


def test_an_archive_becomes_a_folder(home: Home) -> None:
    content = zipped(("x/cart.blend", old_blend()), ("x/textures/wood.png", b"wood"))
    assert str(home.take_in("My scene.zip", content)) == "My scene/cart.blend"
    assert home.visible() == ["My scene/cart.blend", "My scene/textures/wood.png"]
    assert (home.folder / "My scene").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["cart.blend", "cart", "cart.bin"])
def test_an_archive_is_one_whatever_it_is_called(home: Home, name: str) -> None:
    assert home.take_in(name, zipped(("cart.blend", old_blend()))).name == "cart.blend"


def test_a_volumes_folder_becomes_one_of_the_home_folder(home: Home) -> None:
    arrived = home.intake.make_folder() / "copied"
    (arrived / "textures").mkdir(parents=True)
    (arrived / "cart.blend").write_bytes(old_blend())
    taken = home.intake.take_in(arrived, "cart", BLENDER)
    assert taken.file == home.folder / "cart" / "cart.blend"
    taken.remove()
    assert home.visible() == []


@pytest.mark.parametrize(
    ("name", "content", "reason", "words"),
    [
        ("cart.blend", b"garbage", Reason.UNREADABLE, "cart.blend is no .blend file"),
        ("cart.blend", b"", Reason.UNREADABLE, "cart.blend is empty"),
        ("cart.blend", old_blend()[:99], Reason.UNREADABLE, "cart.blend is cut off"),
        ("cart.blend", new_blend(), Reason.TOO_NEW, "saved by Blender 5.2"),
        ("cart.zip", zipped(("a.blend", b"garbage")), Reason.UNREADABLE, "a.blend is no .blend file"),
        ("cart.zip", zipped(("a.blend", new_blend())), Reason.TOO_NEW, "a.blend was saved by Blender 5.2"),
        ("cart.zip", zipped(("a.png", b"")), Reason.UNREADABLE, "cart.zip has no .blend file at its top"),
    ],
)
def test_what_is_refused_leaves_nothing(home: Home, name: str, content: bytes, reason: Reason, words: str) -> None:
    with pytest.raises(SceneRefused) as refused:
        home.take_in(name, content)
    assert refused.value.reason == reason
    assert words in str(refused.value)
    assert names_below(home.folder) == []


@pytest.mark.parametrize("content", [b"garbage", zipped(("a.png", b""))])
def test_a_name_from_outside_cannot_spoil_a_message(home: Home, content: bytes) -> None:
    with pytest.raises(SceneRefused) as refused:
        home.take_in("tfel\u202e\x1b[2J" + "x" * 4096 + ".blend", content)
    message = str(refused.value)
    assert message.startswith("tfel[2Jxxx")
    assert "\u202e" not in message
    assert len(message) < 300


def test_an_archive_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoRoom, match=r"no room for what cart.zip holds: it needs 69632 bytes, and 729"):
        Home(tmp_path, free_bytes=1000).take_in("cart.zip", zipped(("cart.blend", old_blend())))
    assert names_below(tmp_path) == []


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = Note("source", "日本/cart.blend", is_opened=True, attempts=1)
    write_note(tmp_path, note)
    assert read_notes(tmp_path) == Notes("source", (note,))


VALID = '{"source": "a", "file": "b", "is_opened": true, "attempts": 1}'


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "[" * 10_000, VALID, '{"notes": []}', '{"latest": "", "notes": 5}']
)
def test_notes_that_a_person_spoilt_count_as_missing(tmp_path: Path, content: str) -> None:
    (tmp_path / NOTE_FILE).write_text(content)
    assert read_notes(tmp_path) == Notes()


@pytest.mark.parametrize(
    "content",
    [
        "5",
        '{"source": "a"}',
        '{"source": 1, "file": "a", "is_opened": true, "attempts": 1}',
        '{"source": "a", "file": "", "is_opened": true, "attempts": 1}',
        '{"source": "a", "file": "../a", "is_opened": true, "attempts": 1}',
        '{"source": "a", "file": "/etc/passwd", "is_opened": true, "attempts": 1}',
        '{"source": "a", "file": 5, "is_opened": true, "attempts": 1}',
        '{"source": "a", "file": "a", "is_opened": 1, "attempts": 1}',
        '{"source": "a", "file": "a", "is_opened": true, "attempts": true}',
        '{"source": "a", "file": "a\\u0000", "is_opened": true, "attempts": 1}',
    ],
)
def test_of_several_notes_only_those_that_a_person_spoilt_are_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / NOTE_FILE).write_text(f'{{"latest": "a", "notes": [{content}, {VALID}]}}')
    assert read_notes(tmp_path) == Notes("a", (Note("a", "b", is_opened=True, attempts=1),))


def test_each_source_has_its_own_note_and_the_oldest_ones_are_dropped(tmp_path: Path) -> None:
    made = [Note(str(number), f"{number}.blend", is_opened=True) for number in range(MAX_NOTES + 1)]
    for note in made:
        write_note(tmp_path, note)
    assert read_notes(tmp_path).notes == tuple(made[1:])
    put_back(tmp_path, made[3].source, None)
    assert read_notes(tmp_path).notes == (*made[1:3], *made[4:])


def test_what_was_opened_before_somebody_else_had_the_folder_is_to_be_opened_again(tmp_path: Path) -> None:
    assert take_over(tmp_path, "") is None
    assert names_below(tmp_path) == [], "a session with a sample leaves no note where there is none"
    note = Note("mine", "a.blend", is_opened=True, attempts=1)
    write_note(tmp_path, note)
    assert take_over(tmp_path, "mine") == note
    take_over(tmp_path, "")
    again = Note("mine", "a.blend")
    assert take_over(tmp_path, "mine") == again
    assert take_over(tmp_path, "mine") == again, "also if the agent ends before it opens it"


def test_the_settings_come_from_the_environment() -> None:
    settings = SceneSettings.from_environment(
        {
            "BLENDER_SCENE_URL": "https://x/y?token=secret",
            "BLENDER_SCENE_SHA256": "abc",
            "BLENDER_FETCH_SECONDS": "5",
            "BLENDER_FETCH_NETWORKS": "10.0.0.0/8",
            "BLENDER_FETCH_CA_FILE": "/run/fetch-ca/ca.crt",
            "BLENDER_UPLOAD_SECONDS": "x",
        }
    )
    assert (settings.url, settings.sha256, settings.fetch_seconds) == ("https://x/y?token=secret", "abc", 5)
    assert (settings.upload_seconds, len(settings.networks)) == (3600, 1)
    assert "secret" not in settings.source


def test_each_source_has_a_name_of_its_own() -> None:
    environments: list[dict[str, str]] = [
        {},
        {"BLENDER_SCENE_URL": "https://x/a"},
        {"BLENDER_SCENE_URL": "https://x/b"},
        {"BLENDER_SCENE_PATH": "a"},
        {"BLENDER_SCENE_PATH": "a", "BLENDER_SCENE_CLAIM": "scenes"},
        {"BLENDER_SCENE_UPLOAD": "true"},
    ]
    environments += [each | {"BLENDER_SESSION_UID": "6f1c"} for each in environments[1:]]
    assert len({SceneSettings.from_environment(each).source for each in environments}) == len(environments)
    assert SceneSettings.from_environment({"BLENDER_SCENE_UPLOAD": "false"}).source == ""
