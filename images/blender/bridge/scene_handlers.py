"""Records which scene is open, for the next start of the container. Call it on the main thread only."""

from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from bridge.outputs import keep_outputs
from workspace.state_file import record_open_scene


class SceneHandlers:
    """Handles Blender's events when a scene was opened, was saved, or could not be read.

    Blender quits when it cannot read the scene on its command line. The entry point then finds the file `unreadable`
    and opens another scene.

    Args:
        home: the home folder, which holds the record.
        unreadable: path of the file to create.
    """

    def __init__(self, home: Path, unreadable: Path) -> None:
        self._starting = True

        # Blender keeps persistent handlers only if they are plain functions, not methods.
        def opened(*_: object) -> None:
            self._starting = False
            # At once, because a script may render before the next search.
            keep_outputs(home)
            record_open_scene(home, str(bpy.data.filepath))

        def saved(*_: object) -> None:
            record_open_scene(home, str(bpy.data.filepath))

        def not_opened(*_: object) -> None:
            # After the start, Blender itself shows the error and keeps the open scene.
            if self._starting:
                unreadable.touch()

        handlers = bpy.app.handlers
        handlers.load_post.append(persistent(opened))
        handlers.load_post_fail.append(persistent(not_opened))
        handlers.save_post.append(persistent(saved))

    def mark_started(self) -> None:
        """Mark the start as over. The first tick does so, because no handler reports the empty scene."""
        self._starting = False
