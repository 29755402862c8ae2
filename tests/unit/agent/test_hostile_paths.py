"""Whatever lies in the home folder, and whatever changes there meanwhile, no request gets out of it."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.files.archive import blocks_of_archive
from agent.files.changes import check_upload_target, delete
from agent.files.folders import open_file, opened_folder
from agent.files.listing import list_folder
from agent.messages import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = b"what lies outside"
NAMES = ("a", "b", "c")
TARGETS = ("..", "../outside", "../outside/secret", "a", "a/b", ".", "nowhere", "/", "{outside}", "{outside}/secret")

entries = st.lists(
    st.tuples(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
        st.sampled_from(("file", "folder", "link", "pipe")),
        st.sampled_from(TARGETS),
    ),
    max_size=8,
)


@contextmanager
def home_beside_a_secret() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as temporary:
        home, outside = Path(temporary) / "home", Path(temporary) / "outside"
        home.mkdir()
        outside.mkdir()
        (outside / "secret").write_bytes(SECRET)
        yield home, outside


def make(home: Path, outside: Path, parts: list[str], kind: str, target: str) -> None:
    """Make what can be made, without getting out of the home folder while doing so."""
    path = home.joinpath(*parts)
    if os.path.lexists(path) or not path.parent.resolve().is_relative_to(home):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "file":
            path.write_bytes(b"inside")
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(target.format(outside=outside))
        case _:
            os.mkfifo(path)


def contents(home: Path, parts: tuple[str, ...]) -> bytes:
    file = open_file(home, parts)
    try:
        return os.read(file.descriptor, 100)
    finally:
        os.close(file.descriptor)


def packed(home: Path, parts: tuple[str, ...]) -> bytes:
    with opened_folder(home, parts) as folder:
        return b"".join(blocks_of_archive(folder, 2**30))


def replacing(home: Path, parts: tuple[str, ...]) -> None:
    check_upload_target(home, parts, replace=True)


def making(home: Path, parts: tuple[str, ...]) -> None:
    check_upload_target(home, parts, replace=False)


CALLS: tuple[Callable[[Path, tuple[str, ...]], object], ...] = (
    contents,
    packed,
    list_folder,
    replacing,
    making,
    delete,
)


@given(entries, st.lists(st.sampled_from((*NAMES, "secret", "outside")), min_size=1, max_size=4))
def test_nothing_outside_is_read_or_changed(made: list[tuple[list[str], str, str]], path: list[str]) -> None:
    with home_beside_a_secret() as (home, outside):
        for parts, kind, target in made:
            with suppress(OSError, RuntimeError):
                make(home, outside, parts, kind, target)
        for call in CALLS:
            with suppress(Refused):
                assert SECRET not in repr(call(home, tuple(path))).encode()
        with suppress(Refused), opened_folder(home, tuple(path), create=True) as folder:
            assert Path(f"/proc/self/fd/{folder}").readlink().is_relative_to(home)
        assert [(each.name, each.read_bytes()) for each in outside.iterdir()] == [("secret", SECRET)]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("swapped", ["folder", "folder/secret"])
def test_what_turns_into_a_link_before_it_is_opened_is_no_way_out(
    monkeypatch: pytest.MonkeyPatch, swapped: str, call: Callable[[Path, tuple[str, ...]], object]
) -> None:
    with home_beside_a_secret() as (home, outside):
        (home / "folder").mkdir()
        (home / "folder" / "secret").write_bytes(b"inside")
        target = outside / "secret" if swapped.endswith("secret") else outside
        system_open = os.open

        def open_after_the_swap(path: str | Path, flags: int, *arguments: int, dir_fd: int | None = None) -> int:
            """Open a file as the system does, once somebody in the desktop has put a link in its place."""
            if path == swapped.rpartition("/")[2] and not (home / swapped).is_symlink():
                (home / swapped).rename(home / "former")
                (home / swapped).symlink_to(target)
            return system_open(path, flags, *arguments, dir_fd=dir_fd)

        monkeypatch.setattr(os, "open", open_after_the_swap)
        parts = ("folder",) if call in {list_folder, packed} else ("folder", "secret")
        with suppress(Refused):
            assert SECRET not in repr(call(home, parts)).encode()
        monkeypatch.undo()
        assert (outside / "secret").read_bytes() == SECRET
