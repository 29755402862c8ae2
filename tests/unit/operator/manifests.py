"""The objects that the builders must make, written as YAML in tests/data/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

DATA = Path(__file__).parents[2] / "data"


def manifest(name: str) -> Manifest:
    """Read an object."""
    found: Manifest = yaml.safe_load((DATA / f"{name}.yaml").read_text())
    return found
