"""Each program in the Blender container imports only what is there where it runs."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[3] / "images" / "blender"
ALLOWED = {
    "agent": {"agent", "limits", "scene", "workspace", "aiohttp"},
    "agent/thumbnails/maker": {"agent", "scene", "PIL"},
    "bridge": {"bridge", "class_files", "scene", "workspace", "addon_utils", "bpy", "_bpy", "_cycles", "gpu"},
    "class_files": {"class_files", "scene", "workspace"},
    "entry": {"class_files", "entry", "limits", "workspace"},
    "limits": {"limits"},
    "scene": {"limits", "scene", "workspace", "aiohttp", "yarl"},
    "workspace": {"workspace"},
}


def imported(file: Path) -> set[str]:
    """Return the packages that a file imports, but for Python's own."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names)


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_only_what_it_may(package: str) -> None:
    inner = [IMAGE / each for each in ALLOWED if each.startswith(f"{package}/")]
    files = (file for file in (IMAGE / package).rglob("*.py") if not any(each in file.parents for each in inner))
    for file in sorted(files):
        assert imported(file) <= ALLOWED[package], file


def test_every_package_has_its_rule() -> None:
    assert {path.parent.name for path in IMAGE.glob("*/__init__.py")} == {each for each in ALLOWED if "/" not in each}
