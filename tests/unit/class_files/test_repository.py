"""A repository's index says which files count, and vouches for their content."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from class_files.extensions import Installation, install
from class_files.repository import MAX_FILES
from image.extensions import extension, packed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BRUSH, TOOL = packed(extension("brush")), packed(extension("tool"))

CANNOT_BE_READ = "index.json of the extensions cannot be read, so none of them is installed."
UNREADABLE = Installation(problems=(f"{CANNOT_BE_READ} An administrator can generate it again.",))


def entry(name: str, content: bytes, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of an entry
    """Return an entry of an index, as Blender's server-generate writes it."""
    hash_ = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"id": name, "archive_url": f"./{name}.zip", "archive_hash": hash_, "archive_size": len(content)} | more


def installed(folder: Path, index: object) -> Installation:
    for name, content in (("brush", BRUSH), ("tool", TOOL)):
        (folder / f"{name}.zip").write_bytes(content)
    text = index if isinstance(index, bytes) else json.dumps(index).encode()
    (folder / "index.json").write_bytes(text)
    return install(folder, folder / "target", (4, 3, 2))


def test_all_that_is_listed_is_installed(tmp_path: Path) -> None:
    data = [entry("brush", BRUSH), entry("tool", TOOL)]
    assert installed(tmp_path, {"version": "v1", "blocklist": [], "data": data}) == Installation(("brush", "tool"))


def test_what_is_not_listed_is_left_out_and_told(tmp_path: Path) -> None:
    found = installed(tmp_path, {"data": [entry("brush", BRUSH), entry("gone", b"")]})
    assert found.add_ons == ("brush",)
    assert found.problems == (
        "index.json of the extensions lists what is not there: gone.zip.",
        "index.json of the extensions does not list tool.zip, so that is not installed.",
    )


@pytest.mark.parametrize("blocked", ["tool", {"id": "tool", "reason": "harm"}])
def test_what_is_blocked_is_left_out(tmp_path: Path, blocked: object) -> None:
    data = [entry("brush", BRUSH), entry("tool", TOOL)]
    assert installed(tmp_path, {"blocklist": [blocked], "data": data}).add_ons == ("brush",)


def test_a_file_that_was_changed_or_cut_off_is_refused(tmp_path: Path) -> None:
    found = installed(tmp_path, {"data": [entry("brush", BRUSH), entry("tool", TOOL[:-1])]})
    assert found.add_ons == ("brush",)
    [problem] = found.problems
    assert problem.startswith("The extension tool.zip was not installed: it is not the file that index.json lists:")


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        [],
        {},
        {"data": 1},
        {"data": [], "blocklist": 1},
        b"{" + b" " * 5_000_000 + b"}",
    ],
    ids=range(8),
)
def test_an_index_that_cannot_be_read_installs_nothing_and_is_told(tmp_path: Path, index: object) -> None:
    assert installed(tmp_path, index) == UNREADABLE


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("gone")])
def test_an_index_that_is_no_file_installs_nothing_either(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "brush.zip").write_bytes(BRUSH)
    make(tmp_path / "index.json")
    assert install(tmp_path, tmp_path / "target", (4, 3, 2)) == UNREADABLE


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        (1, "number 2"),
        ({}, "number 2"),
        ({"id": "brush"}, "brush"),
        (entry("brush", BRUSH, archive_url=""), "brush"),
        (entry("brush", BRUSH, archive_hash="md5:00"), "brush.zip"),
        (entry("brush", BRUSH, archive_hash=1), "brush.zip"),
    ],
    ids=range(6),
)
def test_a_bad_entry_leaves_out_that_one_alone(tmp_path: Path, bad: object, name: str) -> None:
    found = installed(tmp_path, {"data": [entry("tool", TOOL), bad]})
    assert found.add_ons == ("tool",)
    assert found.problems[0] == (
        f"index.json of the extensions has entries without a valid archive_url and archive_hash: {name}. "
        "They are not installed."
    )


@pytest.mark.parametrize("url", ["https://example.org/brush.zip", "../brush.zip", "/brush.zip", "a/brush.zip"])
def test_only_a_file_beside_the_index_counts(tmp_path: Path, url: str) -> None:
    found = installed(tmp_path, {"data": [entry("brush", BRUSH, archive_url=url)]})
    assert found.add_ons == ()
    assert "lists what is not there" in found.problems[0]


def test_a_repository_is_read_to_a_bound(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"tool{number:03}.zip").write_bytes(b"")
    problems = install(tmp_path, tmp_path / "target", (4, 3, 2)).problems
    assert problems[0] == f"Only the first {MAX_FILES} of {MAX_FILES + 1} extensions are installed."
