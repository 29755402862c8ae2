"""The container's memory is read from its control group, of version 1 and 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from limits.memory import Memory, gibibytes, read_memory

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def version_2(root: Path, **changes: str) -> Path:
    files = {
        "memory.current": f"{700 * MIB}\n",
        "memory.max": f"{1024 * MIB}\n",
        "memory.stat": f"anon {500 * MIB}\nfile {200 * MIB}\ninactive_file {150 * MIB}\n",
        "memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n",
    }
    return write(root, files | {name.replace("_", "."): text for name, text in changes.items()})


def version_1(root: Path, **changes: str) -> Path:
    files = {
        "memory.usage_in_bytes": f"{700 * MIB}\n",
        "memory.limit_in_bytes": f"{1024 * MIB}\n",
        "memory.stat": f"cache 1\ninactive_file 7\ntotal_inactive_file {150 * MIB}\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    }
    write(root / "memory", files | changes)
    return root


@pytest.mark.parametrize("make", [version_1, version_2])
def test_what_the_kernel_can_drop_is_not_used(tmp_path: Path, make: object) -> None:
    assert callable(make)
    assert read_memory(make(tmp_path)) == Memory(550 * MIB, 1024 * MIB, 2)


def test_no_limit_of_version_2(tmp_path: Path) -> None:
    assert read_memory(version_2(tmp_path, memory_max="max\n")) == Memory(550 * MIB, None, 2)


def test_no_limit_of_version_1(tmp_path: Path) -> None:
    folder = version_1(tmp_path, **{"memory.limit_in_bytes": "9223372036854771712\n"})
    assert read_memory(folder) == Memory(550 * MIB, None, 2)


def test_a_kernel_that_counts_no_kills_has_none(tmp_path: Path) -> None:
    folder = version_1(tmp_path, **{"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"})
    assert read_memory(folder) == Memory(550 * MIB, 1024 * MIB, 0)


def test_the_use_is_never_below_zero(tmp_path: Path) -> None:
    assert read_memory(version_2(tmp_path, memory_current="5\n")) == Memory(0, 1024 * MIB, 2)


@pytest.mark.parametrize("text", ["", "x", "\xff"])
def test_files_that_cannot_be_understood_are_no_failure(tmp_path: Path, text: str) -> None:
    assert read_memory(version_2(tmp_path, memory_current=text)) is None


def test_a_control_group_that_cannot_be_seen_is_no_failure(tmp_path: Path) -> None:
    assert read_memory(tmp_path) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 MiB"), (600 * MIB, "600 MiB"), (1024 * MIB, "1 GiB"), (1536 * MIB, "1.5 GiB"), (64 * 1024 * MIB, "64 GiB")],
)
def test_bytes_are_written_as_people_read_them(number: int, text: str) -> None:
    assert gibibytes(number) == text
