"""What the images leave out, the programs do not need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes
import pytest

from localcluster import paths
from localcluster.images.catalog import dockerfile
from localcluster.images.dockerfile import read_inputs

TRIM = paths.REPOSITORY / "images" / "base" / "trim-kubernetes"
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        importlib.import_module(module.name)
print(importlib.import_module("kubernetes").__file__)
"""


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Kubernetes client as it is in the images."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(Path(kubernetes.__file__).parent, site / "kubernetes", copy_function=os.symlink)
    subprocess.run([TRIM, site], check=True)
    return site


@pytest.mark.parametrize("name", ["operator", "portal"])
def test_a_program_imports_without_what_the_kubernetes_client_generates(name: str, trimmed: Path) -> None:
    copied = [paths.REPOSITORY / source for source in read_inputs(dockerfile(name).read_text()).sources]
    packages = [path for path in copied if (path / "__init__.py").exists()]
    path = os.pathsep.join(str(folder) for folder in (trimmed, *(package.parent for package in packages)))

    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING, *(package.name for package in packages)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(trimmed)
