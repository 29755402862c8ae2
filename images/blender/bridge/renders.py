"""Writes each finished still render to a file, because Blender keeps it in memory only."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from workspace.names import RENDERS_FOLDER, free_name


class RenderKeeper:
    """Writes finished still renders to the folder of renders.

    The frames of an animation are written by Blender itself.

    Args:
        home: the home folder.
        notify: shows a text to the person.
    """

    def __init__(self, home: Path, notify: Callable[[str], None]) -> None:
        self._home = home
        self._notify = notify
        self._finished_scene = ""
        self._frame_was_written = False

        # Blender keeps persistent handlers only if they are plain functions, not methods.
        def began(*_: object) -> None:
            self._frame_was_written = False

        def written(*_: object) -> None:
            self._frame_was_written = True

        def completed(scene: "bpy.types.Scene", *_: object) -> None:
            if self._frame_was_written:
                return
            self._finished_scene = str(scene.name)
            # A script's render holds the main loop, so no tick comes between it and the next one.
            if threading.current_thread() is threading.main_thread():
                self.keep()

        bpy.app.handlers.render_init.append(persistent(began))
        bpy.app.handlers.render_write.append(persistent(written))
        bpy.app.handlers.render_complete.append(persistent(completed))

    def keep(self) -> None:
        """Write the last finished render, if it is not written yet. Call it on the main thread."""
        scene = bpy.data.scenes.get(self._finished_scene)
        self._finished_scene = ""
        result = bpy.data.images.get("Render Result")
        if scene is None or result is None:
            return
        folder = self._home / RENDERS_FOLDER
        try:
            folder.mkdir(exist_ok=True)
            _write(result, scene, free_name(folder, _file_name(scene)))
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split()).removeprefix("Error: ")
            print(f"The render was not written: {reason}", file=sys.stderr)  # noqa: T201
            self._notify(
                f"The finished render could not be written to {RENDERS_FOLDER}/: {reason}. "
                "Save it with Image > Save As in the render's window, or it is lost when Blender ends."
            )


def _file_name(scene: "bpy.types.Scene") -> str:
    name = Path(bpy.data.filepath).stem or "untitled"
    extension = ".png" if scene.render.is_movie_format else scene.render.file_extension
    return f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-f{scene.frame_current:04d}{extension}"


def _write(result: "bpy.types.Image", scene: "bpy.types.Scene", file: Path) -> None:
    settings = scene.render.image_settings
    movie_format = settings.file_format if scene.render.is_movie_format else ""
    if movie_format:
        _choose_format(settings, "IMAGE", "PNG")
    try:
        result.save_render(str(file), scene=scene)
    finally:
        if movie_format:
            _choose_format(settings, "VIDEO", movie_format)


def _choose_format(settings: "bpy.types.ImageFormatSettings", medium: str, name: str) -> None:
    # Blender 5 knows only the formats of the chosen medium.
    if hasattr(settings, "media_type"):
        settings.media_type = medium
    settings.file_format = name
