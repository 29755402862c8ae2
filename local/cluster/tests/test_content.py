"""Equal inputs give an equal tag; every change of an input gives another."""

from collections.abc import Callable
from pathlib import Path

import pytest

from localcluster.images.content import content_tag

BASES = {"debian:trixie-slim": "1111"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM debian:trixie-slim\nCOPY code /code\n")
    (tmp_path / ".dockerignore").write_text("*\n!code\n**/__pycache__\n**/*.pyc\n")
    (tmp_path / "code" / "inner").mkdir(parents=True)
    (tmp_path / "code" / "a.py").write_text("a")
    (tmp_path / "code" / "inner" / "b.py").write_text("b")
    (tmp_path / "elsewhere.py").write_text("not copied")
    return tmp_path


def tag(root: Path, bases: dict[str, str] = BASES, arguments: dict[str, str] | None = None) -> str:
    return content_tag(root, root / "Dockerfile", ["code"], bases, arguments or {})


def test_the_tag_is_twelve_hex_digits(root: Path) -> None:
    assert len(tag(root)) == 12
    int(tag(root), 16)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "code/inner/b.py").write_text("B"),
    "name": lambda root: (root / "code/a.py").rename(root / "code/c.py"),
    "new file": lambda root: (root / "code/new.py").write_text(""),
    "file removed": lambda root: (root / "code/a.py").unlink(),
    "executable": lambda root: (root / "code/a.py").chmod(0o755),
    "dockerfile": lambda root: (root / "Dockerfile").write_text("FROM debian:trixie-slim\nCOPY code /other\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_gives_another_tag(root: Path, change: Callable[[Path], object]) -> None:
    before = tag(root)
    change(root)
    assert tag(root) != before


def test_another_base_gives_another_tag(root: Path) -> None:
    assert tag(root) != tag(root, {"debian:trixie-slim": "2222"})


def test_another_argument_gives_another_tag(root: Path) -> None:
    tags = [tag(root), *(tag(root, arguments=each) for each in ({"A": "1"}, {"A": "2"}, {"B": "1"}))]
    assert len(set(tags)) == len(tags)


def test_what_the_build_does_not_see_makes_no_difference(root: Path) -> None:
    before = tag(root)
    (root / "elsewhere.py").write_text("changed")
    (root / "code" / "__pycache__").mkdir()
    (root / "code" / "__pycache__" / "a.cpython-311.pyc").write_text("x")
    (root / "code" / "stray.pyc").write_text("x")
    assert tag(root) == before


def test_a_file_that_is_missing_is_named(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        content_tag(root, root / "Dockerfile", ["nowhere"], BASES, {})
