"""Files on this side: a name stays in its folder, and a file is there when it is whole."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.errors import Conflict, Invalid
from blendersessions_cli.local_files import PartialFile, local_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.png", "a.png"),
        ("renders/ä b.png", "ä b.png"),
        ("renders/", "renders"),
        ("-", "-"),
        ("a\\..\\b", "a\\..\\b"),
        ("a\x1b[2J\n\x9b\x00b", "a_[2J___b"),
        ("می‌خواهم.blend", "می‌خواهم.blend"),
        ("n" * 255, "n" * 255),
    ],
)
def test_a_name_is_the_last_part_without_control_characters(path: str, name: str) -> None:
    assert local_name(path) == name


@pytest.mark.parametrize("path", ["", "/", "..", "a/..", "a/.", "é" * 128])
def test_what_is_no_name_here_is_refused(path: str) -> None:
    with pytest.raises(Invalid):
        local_name(path)


@pytest.fixture
def partial(tmp_path: Path) -> PartialFile:
    return PartialFile(tmp_path / "a[1].png", force=False)


def part_of(partial: PartialFile) -> Path:
    [part] = partial.target.parent.glob(".*.part")
    return part


def test_a_file_gets_its_name_and_its_rights_when_it_is_whole(partial: PartialFile) -> None:
    with partial.open('"1"') as file:
        file.write(b"half")
    assert not partial.target.exists()
    assert stat.S_IMODE(part_of(partial).stat().st_mode) == 0o600
    assert partial.is_begun
    with partial.open('"1"') as file:
        assert file.tell() == 4
        file.write(b", whole")
    umask = os.umask(0o027)
    partial.publish('"1"')
    os.umask(umask)
    assert partial.target.read_bytes() == b"half, whole"
    assert stat.S_IMODE(partial.target.stat().st_mode) == 0o640
    assert not partial.is_begun


def test_what_came_of_another_content_is_not_continued(partial: PartialFile) -> None:
    for etag in ('"1"', '"2"', ""):
        with partial.open(etag) as file:
            assert file.tell() == 0
            file.write(b"x")
    partial.discard()
    assert not partial.is_begun


@pytest.mark.parametrize("links", [True, False])
def test_what_somebody_wrote_in_the_meantime_stays(
    partial: PartialFile, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        # A file system without second names, such as FAT.
        monkeypatch.setattr(os, "link", _refuse)
    partial.check()
    partial.open('"1"').close()
    partial.target.write_bytes(b"theirs")
    with pytest.raises(Conflict, match="is there already"):
        partial.publish('"1"')
    assert partial.target.read_bytes() == b"theirs"
    partial.target.unlink()
    partial.publish('"1"')
    assert partial.target.read_bytes() == b""
    assert not partial.is_begun


def _refuse(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "not permitted")


@pytest.mark.parametrize("trap", ["symlink", "hard link", "pipe"])
def test_what_lies_in_the_way_is_not_written_to(partial: PartialFile, trap: str) -> None:
    partial.open('"1"').close()
    part, secret = part_of(partial), partial.target.parent / "secret"
    part.unlink()
    secret.write_bytes(b"kept")
    match trap:
        case "symlink":
            part.symlink_to(secret)
        case "hard link":
            part.hardlink_to(secret)
        case _:
            os.mkfifo(part)
    with pytest.raises(Invalid, match="Name another place with --to"):
        partial.open('"1"')
    assert secret.read_bytes() == b"kept"


def test_two_commands_do_not_write_one_file(partial: PartialFile) -> None:
    with partial.open('"1"'), pytest.raises(Conflict, match="Another command downloads"):
        partial.open('"1"')


def test_a_place_that_cannot_be_written_to_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="There is no folder"):
        PartialFile(tmp_path / "nowhere/a", force=True).check()
    (tmp_path / "a").mkdir()
    with pytest.raises(Invalid, match="is a folder"):
        PartialFile(tmp_path / "a", force=True).check()
    (tmp_path / "b").symlink_to("nowhere")
    with pytest.raises(Conflict):
        PartialFile(tmp_path / "b", force=False).check()
    PartialFile(tmp_path / "b", force=True).check()
