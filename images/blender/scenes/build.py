"""Build the sample scenes with Blender.

    blender --background --factory-startup --python build.py -- OUTPUT_DIR [--thumbnails] [--only NAME]

Writes NAME.blend, and with --thumbnails NAME.png, for each sample. Needs no display. Works in Blender 3.4 to 4.3.

The pictures in thumbnails/ are made with PyPI's `bpy`, which has the denoiser that Debian's Blender lacks:
``python build.py -- OUTPUT_DIR --thumbnails``.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import time
from pathlib import Path

# Blender does not add the script's folder, where the other modules are.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import bpy
import stage

NAMES = ("shopping_cart", "fire_extinguisher", "watering_can")
"""The samples; each is a module beside this one with ``FRAMING`` and ``model()``."""

log = logging.getLogger("scenes")


def build(name: str, folder: Path, *, thumbnail: bool) -> None:
    """Model one sample from an empty file, save it, and render its thumbnail if wanted."""
    started = time.monotonic()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    # No NAME.blend1 beside a file that is built again.
    bpy.context.preferences.filepaths.save_version = 0
    sample = importlib.import_module(name)
    model = sample.model()
    stage.set_up(sample.FRAMING)
    bpy.context.view_layer.objects.active = model.main
    model.main.select_set(True)
    target = folder / f"{name}.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(target), compress=True)
    log.info("%s: %d kB in %.1f s", target, target.stat().st_size // 1000, time.monotonic() - started)
    if thumbnail:
        started = time.monotonic()
        render = bpy.context.scene.render
        render.resolution_percentage = 50
        render.filepath = str(folder / f"{name}.png")
        bpy.ops.render.render(write_still=True)
        log.info("%s in %.1f s", render.filepath, time.monotonic() - started)


def main(arguments: list[str]) -> None:
    """Read the arguments and build."""
    parser = argparse.ArgumentParser(prog="build.py")
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIR", help="where the files go; made if it is missing")
    parser.add_argument("--thumbnails", action="store_true", help="also render NAME.png, 480x320")
    parser.add_argument("--only", choices=NAMES, metavar="NAME", help=f"one of: {', '.join(NAMES)}")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    folder = options.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in (options.only,) if options.only else NAMES:
        build(name, folder, thumbnail=options.thumbnails)


if __name__ == "__main__":
    try:
        main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else [])
    except Exception:
        # Blender goes on and exits with 0 after an exception in a script.
        log.exception("the sample scenes could not be built")
        sys.exit(1)
