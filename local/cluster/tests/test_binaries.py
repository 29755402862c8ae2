"""A program is built again when its pins change, and only then."""

from pathlib import Path

import pytest

from localcluster import binaries, toolchain
from localcluster.errors import LocalClusterError


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "go.mod").write_text("module some")
    (folder / "go.sum").write_text("a line")
    return tmp_path


TOOL = binaries.Tool("some", "example.org/some")


def test_the_same_pins_give_the_same_place(modules: Path) -> None:
    assert binaries.fingerprint(TOOL, modules) == binaries.fingerprint(TOOL, modules)


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go"])
def test_a_change_of_pins_or_sources_gives_another_place(modules: Path, file: str) -> None:
    before = binaries.fingerprint(TOOL, modules)
    (modules / "some" / file).write_text("changed")
    assert binaries.fingerprint(TOOL, modules) != before


def test_other_files_do_not_matter(modules: Path) -> None:
    before = binaries.fingerprint(TOOL, modules)
    (modules / "some" / "README.md").write_text("words")
    assert binaries.fingerprint(TOOL, modules) == before


def test_flags_matter(modules: Path) -> None:
    other = binaries.Tool("some", "example.org/some", "-X version=2")
    assert binaries.fingerprint(other, modules) != binaries.fingerprint(TOOL, modules)


def test_an_unknown_program_is_named_with_the_known_ones() -> None:
    with pytest.raises(LocalClusterError, match=r"no program 'kubeadm'.*kube-apiserver"):
        binaries.ensure("kubeadm")


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.27rc1 linux/arm64", (1, 27)),
        ("go version devel +abc linux/amd64", None),
        ("", None),
    ],
)
def test_a_toolchains_version_is_read(output: str, version: tuple[int, int] | None) -> None:
    assert toolchain.version_of(output) == version
