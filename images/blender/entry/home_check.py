"""Looks for what a person cannot expect of the home folder, and makes room for Blender's own files."""

import os
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workspace.files import is_regular_file
from workspace.names import AUTO_SAVE_FOLDER, CONFIG_FOLDER, RECOVERED_FOLDER, free_name

MAX_RECOVERED: Final = 20
"""Automatic saves of former runs that are kept. The oldest beyond them are removed."""
MAX_HIDDEN_ENTRIES: Final = 5000
"""Hidden files that are looked at, so that a huge folder does not hold up the start."""
_CONFIG_FILES: Final = ("userpref.blend", "startup.blend")
_AUTO_SAVE_SUFFIX: Final = "_autosave.blend"


@dataclass(frozen=True)
class Home:
    """What was found in the home folder."""

    config: Path
    """The folder for Blender's preferences."""
    presets: Path | None
    """The folder for presets; None if there is none."""
    home: Path
    """What HOME is for Blender: the home folder, or an empty folder if a file there would stop a library."""
    problems: tuple[str, ...] = ()
    """Sentences for the person."""


def check_home(home: Path, temporary: Path) -> Home:
    """Prepare the folders that Blender writes to, and return what is wrong with the home folder.

    Nothing of the person's is changed. What cannot be used is replaced by a folder of this pod.

    Args:
        home: the home folder.
        temporary: a folder of this pod, for what the home folder does not allow.
    """
    config, presets, problem = _config_folder(home, temporary)
    problems = [problem] if problem else []
    if not (home / AUTO_SAVE_FOLDER).is_dir() and os.path.lexists(home / AUTO_SAVE_FOLDER):
        problems.append(f"{AUTO_SAVE_FOLDER} in the home folder is no folder, so automatic saves are lost with the desktop.")
    blocking = _find_blocking_file(home)
    if blocking is not None:
        problems.append(
            f"{blocking.relative_to(home)} is a pipe or a device, and programs would wait for it for ever. "
            "Remove it, and quit Blender to start it again. Until then ~ is an empty folder; your files are in /home/blender."
        )
    return Home(config, presets, home if blocking is None else _new_folder(temporary / "home"), tuple(problems))


def _config_folder(home: Path, temporary: Path) -> tuple[Path, Path | None, str]:
    """Return the folders for preferences and for presets, and why they are not those in the home folder."""
    instead = temporary / "config"
    if not os.access(home, os.W_OK | os.X_OK):
        problem = "The home folder cannot be written to, so nothing can be saved. Ask an administrator."
        return _new_folder(instead), None, problem
    config = home / CONFIG_FOLDER
    try:
        config.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _new_folder(instead), None, _unusable(CONFIG_FOLDER, error.strerror)
    for name in _CONFIG_FILES:
        file = config / name
        if os.path.lexists(file) and not is_regular_file(file):
            return _new_folder(instead), None, _unusable(f"{CONFIG_FOLDER}/{name}", "it is no readable file")
    return config, _presets(config), ""


def _find_blocking_file(home: Path) -> Path | None:
    """Return a hidden file of the home folder that stops a library which opens it, such as a pipe, or None.

    The X libraries, Mesa and fontconfig read hidden files of the home folder without asking what they are.
    """
    left, folders = MAX_HIDDEN_ENTRIES, [home]
    while folders and left > 0:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    left -= 1
                    if folder == home and not entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif _blocks(entry):
                        return Path(entry.path)
        except OSError:
            continue
    return None


def _blocks(entry: "os.DirEntry[str]") -> bool:
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def keep_auto_saves(home: Path) -> Path | None:
    """Move the automatic saves of the former run away, and return the newest of them, or None.

    Blender names them by the scene and its own process ID, which is often the same in the next container.
    """
    folder, target = home / AUTO_SAVE_FOLDER, home / RECOVERED_FOLDER
    newest = None
    try:
        files = sorted(folder.glob(f"*{_AUTO_SAVE_SUFFIX}"), key=lambda file: file.stat().st_mtime)
        for file in files:
            if is_regular_file(file):
                target.mkdir(exist_ok=True)
                newest = file.rename(free_name(target, _recovered_name(file)))
        for left in sorted(target.glob("*.blend"), key=lambda file: file.stat().st_mtime)[:-MAX_RECOVERED]:
            left.unlink()
    except OSError:
        # A folder that a person replaced, or a full volume. The files stay where they are.
        return newest
    return newest


def remove_partial_saves(scene: Path | None) -> None:
    """Remove what a save that was cut off left beside the scene, because it takes room on the volume."""
    if scene is not None:
        partial = scene.with_name(f"{scene.name}@")
        if is_regular_file(partial):
            try:
                partial.unlink()
            except OSError:
                return


def _recovered_name(file: Path) -> str:
    # NAME_PID_autosave.blend
    name = file.name.removesuffix(_AUTO_SAVE_SUFFIX).rpartition("_")[0] or "untitled"
    written = time.strftime("%Y%m%d-%H%M%S", time.localtime(file.stat().st_mtime))
    return f"{name}-{written}.blend"


def _presets(config: Path) -> Path | None:
    presets = config / "presets"
    try:
        presets.mkdir(exist_ok=True)
    except OSError:
        return None
    return presets


def _new_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _unusable(name: str, reason: str | None) -> str:
    return (
        f"{name} in the home folder cannot be used ({reason or 'unknown reason'}), so your preferences are not kept. "
        "Remove it or rename it, and quit Blender to start it again."
    )
