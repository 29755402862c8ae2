"""Checks Blender when the image is built, and compiles the Python that it comes with.

Run as `blender --background --factory-startup --python prepare_blender.py -- SERIES`, with SERIES such as 5.2.
"""

import compileall
import sys
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

import addon_utils
import bpy

_EXTENSIONS: Final = "bl_pkg"
"""The add-on that loads extensions. It is the first to fail where Python lacks a module."""


def check(series: str) -> None:
    """Check that this is the Blender that was asked for, and that it can load extensions.

    Raises:
        SystemExit: it is not, or it cannot.
    """
    found = "{}.{}".format(*bpy.app.version)
    if found != series:
        sys.exit(
            f"This is Blender {bpy.app.version_string}, and Blender {series} was asked for. "
            f"Build with BLENDER={found}, or take another Debian or another archive."
        )
    if not all(addon_utils.check(_EXTENSIONS)):
        sys.exit(f"Blender did not load its add-on {_EXTENSIONS}: a Python module is missing. The lines above name it.")


def compile_modules() -> None:
    """Compile Blender's scripts, and its own Python where it has one. The root is read-only when the container runs."""
    folders = [Path(bpy.utils.system_resource("SCRIPTS"))]
    if Path(sys.prefix).is_relative_to(folders[0].parent):
        folders.append(Path(sys.prefix))
    for folder in folders:
        compileall.compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


if __name__ == "__main__":
    (wanted,) = sys.argv[sys.argv.index("--") + 1 :]
    check(wanted)
    compile_modules()
