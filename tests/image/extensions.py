"""Small extensions of Blender, built by the tests: good ones, broken ones and hostile ones."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OPERATOR = """
import bpy
class Hello(bpy.types.Operator):
    bl_idname, bl_label = "studio.{id}", "Hello"
    def execute(self, context):
        return {{"FINISHED"}}
def register():
    bpy.utils.register_class(Hello)
def unregister():
    bpy.utils.unregister_class(Hello)
"""
WHEEL = "studio_wheel-1.0.0-py3-none-any.whl"
REFUSED = (
    "The extension good.zip was not installed: it has the same extension and version as good-again.zip.",
    "The extension hostile.zip was not installed: it has an entry that leads out of it (../../escaped.py).",
    "The extension of-the-future.zip was not installed: it needs Blender 9.9.0 or newer",
    "The extension broken.zip was not installed: it is a damaged .zip",
    "The extension raises was not enabled: RuntimeError: no licence.",
    "The extension ends was not enabled: SystemExit: 7.",
)
"""What is said of the repository that `write_repository` writes."""


def manifest(name: str, version: str = "1.0.0", oldest: str = "4.2.0", more: str = "") -> str:
    """Return the manifest of an add-on."""
    return (
        f'schema_version = "1.0.0"\nid = "{name}"\nversion = "{version}"\nname = "{name}"\ntagline = "A test"\n'
        f'maintainer = "Studio"\ntype = "add-on"\nblender_version_min = "{oldest}"\n'
        f'license = ["SPDX:GPL-3.0-or-later"]\n{more}'
    )


def packed(files: dict[str, str | bytes]) -> bytes:
    """Return a .zip with files by their names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def extension(name: str, code: str = "", **about: str) -> dict[str, str | bytes]:
    """Return the files of an extension that has an operator of its name, or other code."""
    return {"blender_manifest.toml": manifest(name, **about), "__init__.py": code or OPERATOR.format(id=name)}


def wheel() -> bytes:
    """Return a wheel with one module."""
    about = "studio_wheel-1.0.0.dist-info"
    metadata = "Metadata-Version: 2.1\nName: studio-wheel\nVersion: 1.0.0\n"
    kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return packed(
        {
            "studio_wheel.py": "ANSWER = 42\n",
            f"{about}/METADATA": metadata,
            f"{about}/WHEEL": kind,
            f"{about}/RECORD": f"studio_wheel.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n",
        }
    )


def write_repository(folder: Path) -> None:
    """Write extensions into a folder, of which `good` and `with_wheel` can be enabled."""
    raises = "def register():\n    raise RuntimeError('no licence')\n"
    ends = "import sys\ndef register():\n    sys.exit(7)\n"
    needs_wheel = OPERATOR.format(id="with_wheel") + "import studio_wheel\nassert studio_wheel.ANSWER == 42\n"
    in_wheel = extension("with_wheel", needs_wheel, more=f'wheels = ["./wheels/{WHEEL}"]\n')
    files = {
        "good.zip": packed(extension("good")),
        "good-again.zip": packed(extension("good")),
        "with_wheel.zip": packed(
            {f"with_wheel/{name}": text for name, text in in_wheel.items()} | {f"with_wheel/wheels/{WHEEL}": wheel()}
        ),
        "raises.zip": packed(extension("raises", raises)),
        "ends.zip": packed(extension("ends", ends)),
        "of-the-future.zip": packed(extension("of_the_future", oldest="9.9.0")),
        "hostile.zip": packed(extension("hostile") | {"../../escaped.py": "x"}),
        "broken.zip": packed(extension("broken"))[:200],
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
