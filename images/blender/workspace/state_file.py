"""Reads and writes the state that one start leaves to the next: a small JSON file in the home folder."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from workspace.files import read_json, write_json
from workspace.names import is_inside

STATE_FILE: Final = ".blender-session.json"
_MAX_BYTES: Final = 16 * 1024
_MAX_SENTENCE_CHARACTERS: Final = 300
_WRITTEN: Final = ("scene", "running", "failed_starts", "ended_because")


@dataclass(frozen=True)
class WorkspaceState:
    """The state that the last start left in the home folder."""

    scene: str = ""
    """Path of the open scene, relative to the home folder; empty if it has no file there."""
    running: bool = False
    """Whether Blender was started and has not ended in order."""
    failed_starts: int = 0
    """Number of starts in a row in which the scene did not appear on screen."""
    ended_because: str = ""
    """Why the last run ended, as a sentence; empty if that is not known."""
    found: bool = True
    """Whether the home folder had a valid state. It has none before the first start, and after a person deleted it."""


def read_state(home: Path) -> WorkspaceState:
    """Return the state in the home folder.

    The person can write to the file, so an invalid file counts as missing and a scene outside the home folder as none.
    """
    try:
        found = read_json(home / STATE_FILE, _MAX_BYTES)
        scene, running, failed_starts = found["scene"], found["running"], found["failed_starts"]
        ended_because = _printable(str(found.get("ended_because", "")))[:_MAX_SENTENCE_CHARACTERS]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return WorkspaceState(found=False)
    if not isinstance(scene, str) or not isinstance(running, bool) or type(failed_starts) is not int:
        return WorkspaceState(found=False)
    return WorkspaceState(scene if _is_scene_of(home, scene) else "", running, max(0, failed_starts), ended_because)


def write_state(home: Path, state: WorkspaceState) -> bool:
    """Write the state completely or not at all, and return whether it was written."""
    return write_json(home / STATE_FILE, {name: getattr(state, name) for name in _WRITTEN})


def record_open_scene(home: Path, open_file: str) -> None:
    """Record the scene that was opened or saved.

    A scene outside the home folder is ignored, because it no longer exists at the next start.

    Args:
        home: the home folder.
        open_file: absolute path of the open scene; empty if it was never saved.
    """
    file = Path(open_file)
    if open_file and is_inside(home, file):
        scene = str(Path(os.path.realpath(file)).relative_to(os.path.realpath(home)))
        former = read_state(home)
        if former.scene != scene:
            write_state(home, replace(former, scene=scene))


def _is_scene_of(home: Path, scene: str) -> bool:
    try:
        return not scene or is_inside(home, home / scene)
    except ValueError:
        # A null character, or half of a pair of surrogates: no file can have such a name.
        return False


def _printable(text: str) -> str:
    """Leave out what no environment variable can hold, such as a null character."""
    return "".join(character for character in text if character.isprintable())
