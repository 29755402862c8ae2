"""Builds the sample scenes with Blender.

    blender --background --factory-startup --python build.py -- OUTPUT_DIR [--thumbnails] [--only NAME]

It writes NAME.blend for each sample, and with --thumbnails also NAME.png. It needs no display. It works in Blender 3.4
to 5.2.

The pictures in thumbnails/ are rendered with the Python package `bpy`, because Debian's Blender has no denoiser:
``python build.py -- OUTPUT_DIR --thumbnails``.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import time
from pathlib import Path

# Blender does not add the script's folder, which has the other modules, to the path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import bpy
import stage

NAMES = ("shopping_cart", "fire_extinguisher", "watering_can")
"""The samples. Each is a module in this folder with ``FRAMING`` and ``model()``."""

log = logging.getLogger("scenes")


def build(name: str, folder: Path, *, thumbnail: bool) -> None:
    """Model one sample in an empty file and save it.

    Args:
        name: the sample's module.
        folder: the folder to write to.
        thumbnail: whether to render the thumbnail too.
    """
    started = time.monotonic()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    # Blender writes no NAME.blend1 when a file is built again.
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
    """Build the samples that the command line asks for."""
    parser = argparse.ArgumentParser(prog="build.py")
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIR", help="folder to write to; made if it is missing")
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
        # Without an exit of its own, the script's exception would leave Blender's exit code at 0.
        log.exception("the sample scenes could not be built")
        sys.exit(1)
