"""Which file a scene is saved to."""

from itertools import count
from pathlib import Path
from typing import Final

UNTITLED: Final = "untitled.blend"


def free_name(folder: Path, name: str) -> Path:
    """Return `name` in a folder, or the first of NAME-2, NAME-3, ... that nothing there is called by."""
    path = folder / name
    for number in count(2):
        if not path.exists() and not path.is_symlink():
            break
        path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return path


def is_inside(home: Path, file: Path) -> bool:
    """Tell whether a path leads into the home folder, with links and `..` followed."""
    return file.resolve().is_relative_to(home.resolve())


def save_target(open_file: str, home: Path) -> Path:
    """Return where the open scene is saved so that it outlives the pod and no other file is lost.

    Args:
        open_file: absolute path of the open scene; empty if it was never saved.
        home: the home folder; all else ends with the pod.
    """
    if not open_file:
        return free_name(home, UNTITLED)
    file = Path(open_file)
    return file if is_inside(home, file) else free_name(home, file.name)
