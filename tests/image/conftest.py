"""Containers of the built image, without a cluster."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import pytest

from image import built
from image.desktops import running
from image.leftovers import own_folder
from localcluster import packages
from localcluster.images.catalog import BLENDERS, blender_name, official_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from image.built import BuiltImage
    from image.container import Container
    from image.desktops import RunDesktop

    MountImage = Callable[[str], BuiltImage]

CHOSEN = os.environ.get("BLENDER") or None
"""The version of Blender for all tests. Without one it is the first, and some tests run with every version."""
NAME_OF = official_name if os.environ.get("BLENDER_OFFICIAL") else blender_name
"""Names the image of a version: that with Debian's Blender, or that with an official build."""


@pytest.fixture(scope="session")
def image_run() -> Iterator[Path]:
    """The folder of this run."""
    assert os.geteuid() == 0, "The image suite needs root, for runc, network namespaces and mounts."
    packages.ensure("buildah", "debootstrap", "iproute2", "mount", "runc")
    with own_folder() as folder:
        yield folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests that ask for it with every Blender, unless the run is for one Blender."""
    if CHOSEN is None and metafunc.definition.get_closest_marker("every_blender"):
        metafunc.parametrize("blender_image", BLENDERS, indirect=True)


@pytest.fixture(scope="session")
def mount_image(image_run: Path) -> MountImage:
    """Mount the image with a version of Blender, once."""
    return cache(lambda version: built.mount(image_run.name, NAME_OF(version)))


@pytest.fixture(scope="session")
def blender_image(request: pytest.FixtureRequest, mount_image: MountImage) -> BuiltImage:
    """The image with the Blender that the test or the run asks for, mounted."""
    return mount_image(getattr(request, "param", CHOSEN or next(iter(BLENDERS))))


@pytest.fixture
def run_desktop(image_run: Path, blender_image: BuiltImage) -> Iterator[RunDesktop]:
    """Start containers that end with the test."""
    with running(image_run, blender_image) as start:
        yield start


@pytest.fixture(scope="module")
def run_module_desktop(image_run: Path, blender_image: BuiltImage) -> Iterator[RunDesktop]:
    """Start containers that end with the module."""
    with running(image_run, blender_image) as start:
        yield start


@pytest.fixture(scope="module")
def desktop(run_module_desktop: RunDesktop) -> Container:
    """One container for tests that do not disturb each other: a sample is on its screen."""
    container = run_module_desktop(scene="shopping_cart.blend")
    container.wait_ready()
    return container
