"""An archive with one scene at its top is unpacked; any other is refused with words, and nothing gets out of it."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limits.room import Reservation
from scene.archive import FREE_BYTES, MAX_ENTRIES, is_archive, unpack
from scene.failure import Reason, SceneRefused
from unit.limits.rooms import RoomOf
from unit.scene.zips import link, names_below, special, zipped

if TYPE_CHECKING:
    from pathlib import Path

MAX = 1024**3
SCENE = ("cart.blend", b"scene")


def unpacked(content: bytes, folder: Path, max_bytes: int = MAX) -> Path:
    archive = folder / "cart.zip"
    archive.write_bytes(content)
    (folder / "out").mkdir(exist_ok=True)
    return unpack(archive, "cart.zip", folder / "out", max_bytes, Reservation(RoomOf(folder), "a scene"))


def test_what_lies_beside_the_scene_comes_along(tmp_path: Path) -> None:
    scene = unpacked(zipped(SCENE, ("textures/wood.png", b"wood"), ("textures/", b"")), tmp_path)
    assert scene == tmp_path / "out" / "cart.blend"
    assert scene.read_bytes() == b"scene"
    assert names_below(tmp_path / "out") == ["cart.blend", "textures/wood.png"]


@pytest.mark.parametrize("folder", ["cart/", "日本 ü/"])
def test_one_folder_around_everything_is_left_away(tmp_path: Path, folder: str) -> None:
    entries = [(folder, b""), (f"{folder}cart.blend", b"scene"), (f"{folder}textures/wood.png", b"wood")]
    assert unpacked(zipped(*entries), tmp_path) == tmp_path / "out" / "cart.blend"
    assert names_below(tmp_path / "out") == ["cart.blend", "textures/wood.png"]


def test_what_a_system_adds_is_left_out(tmp_path: Path) -> None:
    added = ["__MACOSX/cart/._cart.blend", "cart/.DS_Store", "cart/textures/Thumbs.db"]
    unpacked(zipped(("cart/cart.blend", b"scene"), *((name, b"x") for name in added)), tmp_path)
    assert names_below(tmp_path / "out") == ["cart.blend"]


def test_utf_8_that_is_not_declared_is_read_as_such(tmp_path: Path) -> None:
    content = zipped(SCENE, ("t/zz.png", b"x")).replace(b"t/zz.png", "t/日".encode() + b".zz")
    unpacked(content, tmp_path)
    assert "t/日.zz" in names_below(tmp_path / "out")


def test_blenders_own_copies_do_not_count(tmp_path: Path) -> None:
    assert unpacked(zipped(SCENE, ("cart.blend1", b"x"), ("lib/other.blend", b"x")), tmp_path).name == "cart.blend"


def test_an_archive_is_known_by_its_beginning(tmp_path: Path) -> None:
    for content, expected in ((zipped(SCENE), True), (zipped(), True), (b"BLENDER-v403", False), (b"", False)):
        (tmp_path / "file").write_bytes(content)
        assert is_archive(tmp_path / "file") is expected


def encrypted() -> bytes:
    content = bytearray(zipped(SCENE))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def damaged() -> bytes:
    content = bytearray(zipped(SCENE, method=zipfile.ZIP_STORED))
    content[content.index(b"scene")] ^= 1
    return bytes(content)


def announced(size: int) -> bytes:
    content = bytearray(zipped(SCENE))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", size)
    return bytes(content)


REFUSED = [
    (zipped(), "has no .blend file at its top"),
    (zipped(("wood.png", b"x")), "has no .blend file at its top"),
    (zipped(("a/cart.blend", b"x"), ("b/wood.png", b"x")), "has no .blend file at its top"),
    (zipped(("a/b/cart.blend", b"x")), "has no .blend file at its top"),
    (zipped(SCENE, ("chair.blend", b"x")), "has 2 .blend files at its top: cart.blend and chair.blend"),
    (zipped(SCENE, ("../out.txt", b"x")), "leads out of it (../out.txt)"),
    (zipped(SCENE, ("a/../../out.txt", b"x")), "leads out of it"),
    (zipped(SCENE, ("/etc/passwd", b"x")), "leads out of it"),
    (zipped(SCENE, ("..\\out.txt", b"x")), "leads out of it"),
    (zipped(SCENE, ("C:\\out.txt", b"x")), "leads out of it"),
    (zipped(SCENE, (link("wood.png"), b"/etc/passwd")), "an entry that is a link (wood.png)"),
    (zipped((link("cart.blend"), b"/etc/passwd")), "an entry that is a link"),
    (zipped(SCENE, (special("pipe", stat.S_IFIFO), b"")), "an entry that is no file (pipe)"),
    (zipped(SCENE, (special("tty", stat.S_IFCHR), b"")), "an entry that is no file"),
    (zipped(SCENE, ("a", b"x"), ("a/b", b"x")), "two entries of one name"),
    (zipped(SCENE, ("a/b", b"x"), ("a", b"x")), "two entries of one name"),
    (zipped(SCENE, ("x" * 256, b"x")), "name is too long"),
    (zipped(SCENE, ("a/" * 40 + "b", b"x")), "name is too long"),
    (zipped(SCENE, ("two\nlines", b"x")), "cannot be printed"),
    (zipped(SCENE, method=zipfile.ZIP_LZMA), "compressed in an unusual way"),
    (zipped(SCENE, method=zipfile.ZIP_BZIP2), "compressed in an unusual way"),
    (encrypted(), "is encrypted"),
    (damaged(), "is a damaged .zip"),
    (zipped(SCENE)[:40], "is a damaged .zip"),
    (b"PK\x03\x04" + bytes(100), "is a damaged .zip"),
    (zipped(SCENE, *((f"{number}", b"") for number in range(MAX_ENTRIES))), f"more than {MAX_ENTRIES} entries"),
    (zipped(SCENE, *((f"{number:0250}", b"") for number in range(9_999))), f"more than {MAX_ENTRIES} entries"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(SceneRefused) as refused:
        unpacked(content, tmp_path)
    assert refused.value.reason == Reason.UNREADABLE
    assert str(refused.value).startswith("cart.zip ")
    assert words in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cart.zip", "out"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match="two entries of one name"):
        unpacked(zipped(SCENE, ("a", b"x"), ("a", b"y")), tmp_path)


@pytest.mark.parametrize(
    ("content", "max_bytes"),
    [
        (zipped(SCENE, ("wood.png", b"x" * 100)), 50),
        (announced(4_000_000_000), MAX),
        # It announces less than it has.
        (zipped(SCENE, ("big", bytes(1000))).replace(struct.pack("<I", 1000), struct.pack("<I", 10)), 500),
    ],
)
def test_what_is_too_large_is_refused(tmp_path: Path, content: bytes, max_bytes: int) -> None:
    with pytest.raises(SceneRefused) as refused:
        unpacked(content, tmp_path, max_bytes)
    assert refused.value.reason in (Reason.TOO_LARGE, Reason.UNREADABLE)


def test_a_bomb_is_refused_before_it_has_grown(tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match="grows to more than 200 times its size") as refused:
        unpacked(zipped(SCENE, ("bomb", bytes(2 * FREE_BYTES))), tmp_path)
    assert refused.value.reason == Reason.TOO_LARGE
    assert sum(file.stat().st_size for file in (tmp_path / "out").iterdir()) <= FREE_BYTES


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_does_harm(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(zipped(SCENE, ("textures/wood.png", b"wood" * 20), ("日.png", b"x")))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()
    try:
        scene = unpacked(bytes(content), folder)
    except SceneRefused:
        pass
    else:
        assert scene.is_file()
    assert sorted(path.name for path in folder.iterdir()) == ["cart.zip", "out"]


PARTS = st.sampled_from(["..", ".", "", "a", "cart.blend", "日", "C:", "\\", "~", "x" * 300, "\x07", "\x1b", "con"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore:Duplicate name")
@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=4))
def test_no_name_leads_out(tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()
    with contextlib.suppress(SceneRefused):
        unpacked(zipped(*((name or "x", b"x") for name in names)), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["cart.zip", "out"]
    assert not (tmp_path / "a").exists()
