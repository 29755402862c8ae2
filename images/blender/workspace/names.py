"""Names in the home folder: its folders, and the file that a scene is saved to."""

import os
from itertools import count
from pathlib import Path
from typing import Final

UNTITLED: Final = "untitled.blend"
AUTO_SAVE_FOLDER: Final = "autosave"
"""Blender writes its automatic saves there."""
RECOVERED_FOLDER: Final = "recovered"
"""Each start moves the automatic saves of the former start there, so that no later one overwrites them."""
RENDERS_FOLDER: Final = "renders"
"""Finished renders, and the frames of animations."""
CACHES_FOLDER: Final = "caches"
"""Simulation caches of scenes that had no file when the simulation was made."""
CONFIG_FOLDER: Final = ".config/blender"
"""Preferences, the startup file and presets."""


def free_name(folder: Path, name: str) -> Path:
    """Return the path of `name` in a folder, or of the first of NAME-2, NAME-3, ... that does not exist there."""
    path = folder / name
    for number in count(2):
        if not os.path.lexists(path):
            break
        path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return path


def is_inside(home: Path, file: Path) -> bool:
    """Return whether a path is in the home folder once links and `..` are resolved."""
    # Unlike `Path.resolve`, this accepts a link that leads to itself, in every version of Python.
    return Path(os.path.realpath(file)).is_relative_to(os.path.realpath(home))


def save_target(open_file: str, home: Path) -> Path:
    """Return the path to save the open scene to, in the home folder and without overwriting another file.

    Args:
        open_file: absolute path of the open scene; empty if it was never saved.
        home: the home folder. Files elsewhere are lost with the pod.
    """
    if not open_file:
        return free_name(home, UNTITLED)
    file = Path(open_file)
    return file if is_inside(home, file) else free_name(home, file.name)
