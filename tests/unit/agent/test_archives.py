"""An archive holds a folder's files, and says which it does not hold."""

from __future__ import annotations

import io
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agent.files import tree
from agent.files.archive import LEFT_OUT_NAME, blocks_of_archive
from agent.files.folders import opened_folder
from agent.streams import BLOCK_BYTES
from unit.agent.bridge_end import until_so
from unit.agent.file_calls import calls_of

if TYPE_CHECKING:
    import pytest


def packed(home: Path, max_bytes: int = 2**40) -> zipfile.ZipFile:
    with opened_folder(home, ()) as folder:
        return zipfile.ZipFile(io.BytesIO(b"".join(blocks_of_archive(folder, max_bytes))))


async def test_a_folder_comes_with_all_that_is_in_it(tmp_path: Path) -> None:
    content = os.urandom(2 * BLOCK_BYTES + 5)
    (tmp_path / "renders" / "größe" / "empty").mkdir(parents=True)
    (tmp_path / "renders" / "größe" / "椅子.png").write_bytes(content)
    (tmp_path / "renders" / "-").write_bytes(b"")
    (tmp_path / "renders" / ".hidden").write_bytes(b"x")
    (tmp_path / "elsewhere").write_bytes(b"x")
    os.utime(tmp_path / "renders" / "-", (0, 0))
    async with calls_of(tmp_path) as agent:
        answer = await agent.call("GET", "/archive?path=renders")
        home = await agent.call("GET", "/archive")
    found = zipfile.ZipFile(io.BytesIO(answer.content))
    assert found.testzip() is None
    assert found.namelist() == ["-", "größe/", "größe/empty/", "größe/椅子.png"]
    assert found.read("größe/椅子.png") == content
    assert {info.compress_type for info in found.infolist()} == {zipfile.ZIP_STORED}
    assert answer.headers["Content-Type"] == "application/zip"
    assert 'filename="renders.zip"' in answer.headers["Content-Disposition"]
    assert 'filename="home.zip"' in home.headers["Content-Disposition"]
    assert "elsewhere" in zipfile.ZipFile(io.BytesIO(home.content)).namelist()


def test_what_is_left_out_is_named_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"x")
    (tmp_path / "large").write_bytes(b"x" * 11)
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "away").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    found = packed(tmp_path, max_bytes=10)
    assert found.namelist() == ["good", LEFT_OUT_NAME]
    text = found.read(LEFT_OUT_NAME).decode()
    assert "large: it has 11 bytes, and at most 10 may go out." in text
    assert "link: it is a link." in text
    assert "away: it is a link." in text
    assert "pipe: it is a pipe." in text


def test_a_name_that_other_systems_could_not_unpack_is_written_otherwise(tmp_path: Path) -> None:
    for name in (b"a\\..\\x", b"new\nline", b"\xff"):
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    assert sorted(packed(tmp_path).namelist()) == ["%FF", "a%5C..%5Cx", "new%0Aline"]


def test_a_file_that_is_cut_while_it_is_packed_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(4 * BLOCK_BYTES))
    (tmp_path / "b").write_bytes(b"whole")
    with opened_folder(tmp_path, ()) as folder:
        blocks = blocks_of_archive(folder, 2**40)
        received = [next(blocks)]
        os.truncate(tmp_path / "a", BLOCK_BYTES)
        received += blocks
    found = zipfile.ZipFile(io.BytesIO(b"".join(received)))
    assert found.testzip() is None
    assert found.read("b") == b"whole"
    assert "a: only its begin is here: it was cut" in found.read(LEFT_OUT_NAME).decode()


def test_an_archive_has_so_many_files_and_not_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_FILES", 3)
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "inner").symlink_to("nowhere")
    found = packed(tmp_path)
    assert found.namelist() == ["a/", "b/", LEFT_OUT_NAME]
    assert "all that follows: it is too much" in found.read(LEFT_OUT_NAME).decode()


def test_folders_deeper_than_any_person_makes_end_it(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (tree.MAX_DEPTH + 1))
    deep.mkdir(parents=True)
    found = packed(tmp_path)
    assert f"it is more than {tree.MAX_DEPTH} folders deep" in found.read(LEFT_OUT_NAME).decode()


def test_a_file_of_more_than_four_gib_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The limit from which on the format needs its larger fields, in place of a file of such a size.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "b").write_bytes(b"y" * 10)
    found = packed(tmp_path)
    assert found.testzip() is None
    assert (found.read("a"), found.read("b")) == (b"x" * 1000, b"y" * 10)


async def test_a_client_that_goes_gives_everything_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(32 * BLOCK_BYTES))
    async with calls_of(tmp_path) as agent:
        async with agent.begun("GET", "/archive") as (reader, _):
            await reader.readuntil(b"\r\n\r\n")
        await until_so("all files are closed", lambda: not open_below(tmp_path))
        assert (await agent.call("GET", "/archive")).status == 200


def open_below(home: Path) -> list[Path]:
    """Return what this process has open in a folder."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(descriptor.readlink())
    return [target for target in found if target.is_relative_to(home)]
