"""Reads and writes the state that one start leaves to the next: a small JSON file in the home folder."""

import contextlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from workspace.names import is_inside

STATE_FILE: Final = ".blender-session.json"
_MAX_BYTES: Final = 16 * 1024


@dataclass(frozen=True)
class WorkspaceState:
    """The state that the last start left in the home folder."""

    scene: str = ""
    """Path of the open scene, relative to the home folder; empty if it has no file there."""
    running: bool = False
    """Whether Blender was started and has not ended in order."""
    failed_starts: int = 0
    """Number of starts in a row in which the scene did not appear on screen."""


def read_state(home: Path) -> WorkspaceState:
    """Return the state in the home folder.

    The person can write to the file, so an invalid file counts as missing and a scene outside the home folder as none.
    """
    try:
        with (home / STATE_FILE).open("rb") as stream:
            found = json.loads(stream.read(_MAX_BYTES))
        scene, running, failed_starts = found["scene"], found["running"], found["failed_starts"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return WorkspaceState()
    if not isinstance(scene, str) or not isinstance(running, bool) or type(failed_starts) is not int:
        return WorkspaceState()
    return WorkspaceState(scene if _is_scene_of(home, scene) else "", running, max(0, failed_starts))


def write_state(home: Path, state: WorkspaceState) -> bool:
    """Write the state completely or not at all, and return whether it was written."""
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=STATE_FILE, dir=home)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(asdict(state), stream)
        os.replace(temporary, home / STATE_FILE)  # noqa: PTH105 - mkstemp gives a text
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        return False
    return True


def record_open_scene(home: Path, open_file: str) -> None:
    """Record the scene that was opened or saved.

    A scene outside the home folder is ignored, because it no longer exists at the next start.

    Args:
        home: the home folder.
        open_file: absolute path of the open scene; empty if it was never saved.
    """
    file = Path(open_file)
    if open_file and is_inside(home, file):
        scene = str(file.resolve().relative_to(home.resolve()))
        former = read_state(home)
        if former.scene != scene:
            write_state(home, replace(former, scene=scene))


def _is_scene_of(home: Path, scene: str) -> bool:
    return not scene or (scene.endswith(".blend") and "\0" not in scene and is_inside(home, home / scene))
