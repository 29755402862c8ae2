"""Follows which scene is open, so that the home folder remembers it. Only for the main thread."""

from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from workspace.state_file import record_open_scene


class SceneHandlers:
    """Hears from Blender what was opened and saved, and what could not be read at the start.

    Blender ends by itself when it cannot read the scene on its command line. `unreadable` is then made, for whoever
    started Blender to see: another scene has to be opened.
    """

    def __init__(self, home: Path, unreadable: Path) -> None:
        self._starting = True

        # Blender keeps plain functions only over the opening of another file.
        def opened(*_: object) -> None:
            self._starting = False
            record_open_scene(home, str(bpy.data.filepath))

        def saved(*_: object) -> None:
            record_open_scene(home, str(bpy.data.filepath))

        def not_opened(*_: object) -> None:
            # Later on, Blender tells the person itself, and keeps the scene that is open.
            if self._starting:
                unreadable.touch()

        handlers = bpy.app.handlers
        handlers.load_post.append(persistent(opened))
        handlers.load_post_fail.append(persistent(not_opened))
        handlers.save_post.append(persistent(saved))

    def mark_started(self) -> None:
        """Note that the start is over; also an empty scene, of which no handler tells, has been opened by now."""
        self._starting = False
