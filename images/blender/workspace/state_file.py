"""What the home folder remembers from one start to the next, in one small JSON file."""

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
    """What the last start left behind."""

    scene: str = ""
    """The open scene, relative to the home folder; empty: none that was saved."""
    running: bool = False
    """Whether a start is under way that did not end in order yet."""
    failed_starts: int = 0
    """Starts in a row that did not bring this scene on screen."""


def read_state(home: Path) -> WorkspaceState:
    """Read the memory; whatever does not make sense counts as nothing, for the person can write to this file."""
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
    """Write the state whole or not at all; False if there is no room for it."""
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
    """Note that a scene was opened or saved; one outside the home folder is not there at the next start."""
    file = Path(open_file)
    if open_file and is_inside(home, file):
        scene = str(file.resolve().relative_to(home.resolve()))
        former = read_state(home)
        if former.scene != scene:
            write_state(home, replace(former, scene=scene))


def _is_scene_of(home: Path, scene: str) -> bool:
    return not scene or (scene.endswith(".blend") and "\0" not in scene and is_inside(home, home / scene))
