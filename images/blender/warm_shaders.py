"""Fills a shader cache when the image is built, by starting Blender with each sample until it has drawn the scene.

Run as `python3 warm_shaders.py OUTPUT_DIR` in a build stage that has the samples. Mesa's software renderer compiles
each shader with LLVM at first use, which takes most of Blender's start. With the cache it only reads compiled shaders.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SCENES = Path("/usr/share/blender-sessions/scenes")
START_TIMEOUT_SECONDS = 180

# Runs inside Blender, and quits when nothing was drawn for a second.
IN_BLENDER = """
import bpy
bpy.context.preferences.view.show_splash = False
# The bridge's setting. Another anti-aliasing needs other shaders.
bpy.context.preferences.system.viewport_aa = "OFF"
draws = 0
quiet = 0
seen = 0

def drawn():
    global draws
    draws += 1

def tick():
    global quiet, seen
    if draws == 0 or draws != seen:
        seen, quiet = draws, 0
        return 0.2
    quiet += 1
    if quiet < 5:
        return 0.2
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.quit_blender()

bpy.types.SpaceView3D.draw_handler_add(drawn, (), "WINDOW", "POST_PIXEL")
bpy.app.timers.register(tick)
"""


def main(output: Path) -> None:
    """Write the cache to a folder.

    Args:
        output: the folder. It is made if it does not exist.

    Raises:
        SystemExit: Blender compiled no shader.
        subprocess.SubprocessError: Blender failed, or took longer than `START_TIMEOUT_SECONDS`.
    """
    with tempfile.TemporaryDirectory() as work:
        cache = Path(work) / "cache"
        environment = {**os.environ, "HOME": work, "XDG_CACHE_HOME": str(cache), "XDG_RUNTIME_DIR": work}
        reading, writing = os.pipe()
        server = subprocess.Popen(
            ["Xvnc", "-displayfd", str(writing), "-geometry", "1280x720", "-depth", "24", "-rfbport", "-1",
             "-rfbunixpath", f"{work}/rfb", "-SecurityTypes", "None"],
            pass_fds=[writing],
        )  # fmt: skip
        os.close(writing)
        try:
            with os.fdopen(reading) as stream:
                environment["DISPLAY"] = f":{stream.readline().strip()}"
            for scene in [None, *sorted(SCENES.glob("*.blend"))]:
                command = [
                    "blender",
                    "--factory-startup",
                    *([str(scene)] if scene else []),
                    "--python-expr",
                    IN_BLENDER,
                ]
                subprocess.run(command, env=environment, check=True, timeout=START_TIMEOUT_SECONDS)
        finally:
            server.terminate()
            server.wait()
        if not any(cache.rglob("*")):
            raise SystemExit("Blender compiled no shader.")
        # Only Mesa's folder makes a start faster. Blender's own caches do not.
        for entry in cache.glob("mesa_shader_cache*"):
            shutil.copytree(entry, output / entry.name, copy_function=shutil.copyfile)
        # Mesa makes its folders readable by their owner alone, and the container runs as another user.
        for folder in [output, *(path for path in output.rglob("*") if path.is_dir())]:
            folder.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
