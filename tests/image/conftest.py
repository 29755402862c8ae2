"""Containers of the built image, without a cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from image import built
from image.desktops import running
from image.leftovers import own_folder
from localcluster import packages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from image.built import BuiltImage
    from image.container import Container
    from image.desktops import RunDesktop


@pytest.fixture(scope="session")
def image_run() -> Iterator[Path]:
    """The folder of this run."""
    assert os.geteuid() == 0, "The image suite needs root, for runc, network namespaces and mounts."
    packages.ensure("buildah", "debootstrap", "iproute2", "mount", "runc")
    with own_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def blender_image(image_run: Path) -> BuiltImage:
    """The image, mounted."""
    return built.mount(image_run.name)


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
