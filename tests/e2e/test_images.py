"""What the images promise: they are small, and nothing is in them that their program does not run."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from localcluster import images

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_BYTES = 150_000_000
PACKAGE_MANAGERS = {"apt", "apt-get", "dpkg", "pip", "pip3"}
SHELLS = {"sh", "bash", "dash", "perl", "busybox"}


def entries(image: images.ImageRef) -> Iterator[tarfile.TarInfo]:
    """Return what the layers of an image hold."""
    with tarfile.open(image.archive) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        for name in json.load(manifest)[0]["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                yield from layer


def programs(image: images.ImageRef) -> set[str]:
    """Return the names of the files that anybody may execute."""
    files = (entry for entry in entries(image) if not entry.isdir())
    return {entry.name.rpartition("/")[2] for entry in files if entry.issym() or entry.mode & 0o001}


@pytest.fixture(scope="module", params=["operator", "portal", "proxy"])
def image(request: pytest.FixtureRequest) -> images.ImageRef:
    """An image of the present content; `make test` has built it."""
    return images.build([request.param])[request.param]


def test_an_image_is_small(image: images.ImageRef) -> None:
    # The archive holds the layers uncompressed.
    assert image.archive.stat().st_size < LIMIT_BYTES


def test_nothing_installs_packages_in_an_image(image: images.ImageRef) -> None:
    assert not programs(image) & PACKAGE_MANAGERS


def test_no_file_is_setuid_or_setgid(image: images.ImageRef) -> None:
    assert [entry.name for entry in entries(image) if entry.isfile() and entry.mode & 0o6000] == []


def test_scanners_find_the_debian_packages(image: images.ImageRef) -> None:
    found = {entry.name for entry in entries(image)}
    assert {"var/lib/dpkg/status.d/libc6", "var/lib/dpkg/status.d/libssl3t64"} <= found


@pytest.mark.parametrize("name", ["operator", "portal"])
def test_an_image_of_a_python_program_has_no_shell(name: str) -> None:
    assert not programs(images.build([name])[name]) & SHELLS
