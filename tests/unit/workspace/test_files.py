"""A file of the home folder may be anything: it is read without waiting, or refused."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import workspace.files
from workspace.files import (
    clear_path,
    is_blocking,
    is_regular_file,
    own_folder,
    read_json,
    read_regular_file,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


ODD: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "socket": make_socket,
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "link to nowhere": lambda path: path.symlink_to(path.with_name("nowhere")),
    "link to itself": lambda path: path.symlink_to(path),
    "link to a folder": lambda path: path.symlink_to(path.parent),
    "nothing": lambda _path: None,
}


@pytest.fixture(params=ODD.values(), ids=ODD.keys())
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    request.param(tmp_path / "odd")
    return tmp_path / "odd"


@pytest.fixture
def descriptors() -> Iterator[None]:
    before = sorted(Path("/proc/self/fd").iterdir())
    yield
    assert sorted(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.usefixtures("descriptors")
def test_what_is_no_regular_file_is_refused_without_waiting(odd: Path) -> None:
    assert not is_regular_file(odd)
    with pytest.raises(OSError, match="odd"):
        read_regular_file(odd, 100)


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\0",
        '{"a": 1}'.encode("utf-16"),
        b"\xff",
        b"",
        b"{",
        b"[" * 90,
        b" " * 101,
    ],
    ids=["zeros", "UTF-16", "no text", "empty", "cut off", "nested", "too large"],
)
def test_what_is_no_json_in_utf_8_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        read_json(tmp_path / "file", 100)


def test_json_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(tmp_path / "file", 100_000)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["written by us", "with a byte order mark"])
def test_what_was_written_is_read(tmp_path: Path, mark: bytes) -> None:
    assert write_json(tmp_path / "file", {"scene": "/home/blender/日本.blend"})
    (tmp_path / "file").write_bytes(mark + (tmp_path / "file").read_bytes())
    assert read_json(tmp_path / "file", 100) == {"scene": "/home/blender/日本.blend"}


def test_reading_json_imports_nothing(tmp_path: Path) -> None:
    """A program that has changed its user may not be able to read Python's own modules any more."""
    (tmp_path / "file").write_bytes(b'\xef\xbb\xbf{"running": true}')
    program = "\n".join(
        (
            "import pathlib, sys",
            f"sys.path.insert(0, {str(Path(workspace.files.__file__).parents[1])!r})",
            "from workspace.files import read_json",
            "sys.meta_path.clear()",
            "sys.exit(not read_json(pathlib.Path(sys.argv[1]), 100)['running'])",
        )
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, tmp_path / "file"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "file/below"])
def test_a_path_that_cannot_be_is_no_regular_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert not is_regular_file(tmp_path / name)


@pytest.mark.usefixtures("descriptors")
def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"words")
    (tmp_path / "link").symlink_to("file")
    assert is_regular_file(tmp_path / "file")
    assert is_regular_file(tmp_path / "link")
    assert read_regular_file(tmp_path / "link", 100) == b"words"


def test_of_a_huge_file_only_the_beginning_is_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(1 << 40)
    assert read_regular_file(tmp_path / "huge", 1000) == bytes(1000)


@pytest.mark.parametrize(
    ("path", "blocks"), [("/dev/tty", True), ("/dev/zero", True), ("/etc/passwd", False), ("/tmp", False)]
)
def test_a_device_may_make_a_program_wait(path: str, blocks: bool) -> None:
    assert is_blocking(Path(path).stat().st_mode) is blocks


def test_a_pipe_may_make_a_program_wait_and_a_socket_not(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    make_socket(tmp_path / "socket")
    assert is_blocking((tmp_path / "pipe").stat().st_mode)
    assert not is_blocking((tmp_path / "socket").stat().st_mode)


def test_a_folder_of_the_pod_takes_the_place_of_anything_else(odd: Path) -> None:
    kept = odd.parent / "kept"
    kept.touch()
    assert own_folder(odd) == odd
    assert odd.is_dir()
    assert not odd.is_symlink()
    assert kept.exists()


def test_a_folder_of_the_pod_keeps_what_is_in_it(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "folder")
    (folder / "file").touch()
    folder.chmod(0)
    own_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_whatever_is_at_a_path_is_removed_and_nothing_else(odd: Path) -> None:
    kept = odd.parent / "kept"
    kept.touch()
    if odd.is_dir() and not odd.is_symlink():
        (odd / "inside").mkdir()
    clear_path(odd)
    assert not os.path.lexists(odd)
    assert kept.exists()
