"""Looks for what a person cannot expect of the home folder, and makes room for Blender's own files."""

import contextlib
import os
import re
import stat
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from workspace.files import clear_path, is_blocking, is_regular_file
from workspace.names import AUTO_SAVE_FOLDER, CONFIG_FOLDER, RECOVERED_FOLDER, free_name
from workspace.scenes import written_at

MAX_RECOVERED: Final = 20
"""Automatic saves of former runs that are kept. The oldest beyond them are removed, unless somebody saved to them."""
MAX_AUTO_SAVES: Final = 1000
"""Files of the folders of automatic saves that are looked at."""
MAX_HIDDEN_ENTRIES: Final = 5000
"""Hidden files that are looked at, so that a huge folder does not hold up the start."""
_CONFIG_FILES: Final = ("userpref.blend", "startup.blend")
_AUTO_SAVE_SUFFIX: Final = "_autosave.blend"
_RECOVERED_NAME: Final = re.compile(r".*-(\d{8}-\d{6})(-\d+)?\.blend", re.DOTALL)
_NULL_DEVICE: Final = os.makedev(1, 3)
_MAX_NAME_BYTES: Final = 200
"""A longer name would leave no room for the time."""


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
    problems = [problem, _auto_save_problem(home)]
    blocking = _find_blocking_file(home)
    if blocking is not None:
        problems.append(
            f"{blocking.relative_to(home)} is a pipe or a device, and programs would wait for it for ever. "
            "Remove it, and quit Blender to start it again. "
            f"Until then ~ is an empty folder; your files are in {home}."
        )
    return Home(
        config,
        presets,
        home if blocking is None else _new_folder(temporary / "home"),
        tuple(problem for problem in problems if problem),
    )


def _config_folder(home: Path, temporary: Path) -> tuple[Path, Path | None, str]:
    """Return the folders for preferences and for presets, and why they are not those in the home folder."""
    instead = temporary / "config"
    if not os.access(home, os.W_OK | os.X_OK):
        problem = "The home folder cannot be written to, so nothing can be saved. Ask an administrator."
        return _new_folder(instead), None, problem
    config = home / CONFIG_FOLDER
    try:
        config.mkdir(parents=True, exist_ok=True)
        reason = _find_unusable(config)
    except OSError as error:
        reason = f"{CONFIG_FOLDER} in the home folder cannot be used ({error.strerror})"
    if reason:
        problem = (
            f"{reason}, so your preferences are not kept. Remove it or rename it, and quit Blender to start it again."
        )
        return _new_folder(instead), None, problem
    return config, _presets(config), ""


def _find_unusable(config: Path) -> str:
    """Return what Blender could not read or write in the folder for preferences, as the start of a sentence.

    Blender opens the preferences and its lists of files at each start.

    Raises:
        OSError: the folder cannot be read.
    """
    if not os.access(config, os.R_OK | os.W_OK | os.X_OK):
        return f"{CONFIG_FOLDER} in the home folder cannot be read and written"
    with os.scandir(config) as entries:
        for entry in entries:
            must_be_file = entry.name in _CONFIG_FILES and not is_regular_file(Path(entry.path))
            if must_be_file or _blocks(entry):
                return f"{CONFIG_FOLDER}/{entry.name} in the home folder cannot be used (it is no readable file)"
    return ""


def _auto_save_problem(home: Path) -> str:
    folder = home / AUTO_SAVE_FOLDER
    # `Path.is_dir` may raise an error, and this does not.
    is_usable = os.path.isdir(folder) and os.access(folder, os.R_OK | os.W_OK | os.X_OK)  # noqa: PTH112
    if is_usable or not os.path.lexists(folder):
        return ""
    return f"{AUTO_SAVE_FOLDER} in the home folder is no folder that can be written to, so automatic saves are lost."


def _find_blocking_file(home: Path) -> Path | None:
    """Return a hidden file of the home folder that stops a library which opens it, such as a pipe, or None.

    The X libraries, Mesa and fontconfig read hidden files of the home folder without asking what they are.
    """
    left, folders = MAX_HIDDEN_ENTRIES, [home]
    while folders and left > 0:
        folder = folders.pop()
        entries = _entries(folder, left, "." if folder == home else "")
        left -= len(entries)
        for entry in entries:
            if _blocks(entry):
                return Path(entry.path)
            if _is_folder(entry):
                folders.append(Path(entry.path))
    return None


def _entries(folder: Path, most: int, prefix: str = "") -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return list(islice((entry for entry in entries if entry.name.startswith(prefix)), most))
    except OSError:
        return []


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _blocks(entry: "os.DirEntry[str]") -> bool:
    try:
        status = entry.stat()
    except OSError:
        return False
    # Some link a history to the null device, which never blocks.
    return is_blocking(status.st_mode) and not (stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL_DEVICE)


def keep_auto_saves(home: Path) -> Path | None:
    """Move the automatic saves of the former run away, and return the newest of them, or None.

    Blender names them by the scene and its own process ID, which is often the same in the next container. What cannot
    be moved stays where it is: the volume may be full, and a person may have put a file or a link in the folder's
    place. Where a link leads, files of theirs are, which must not be taken for old ones of ours.
    """
    target = home / RECOVERED_FOLDER
    newest = None
    if os.path.islink(target):  # noqa: PTH114 - `Path.is_symlink` raises where the home folder may not be read
        return None
    found = _regular_files(home / AUTO_SAVE_FOLDER, f"*{_AUTO_SAVE_SUFFIX}")
    for file in found:
        with contextlib.suppress(OSError):
            target.mkdir(exist_ok=True)
            newest = file.rename(free_name(target, _recovered_name(file)))
    kept = [file for file in _regular_files(target, "*.blend") if _is_as_moved(file)]
    for left in kept[:-MAX_RECOVERED]:
        with contextlib.suppress(OSError):
            left.unlink()
    return newest


def _regular_files(folder: Path, pattern: str) -> list[Path]:
    """Return the regular files in a folder, the oldest first, and no links."""
    paths = [Path(entry.path) for entry in _entries(folder, MAX_AUTO_SAVES)]
    files = [path for path in paths if path.match(pattern) and is_regular_file(path) and not path.is_symlink()]
    return sorted(files, key=written_at)


def _is_as_moved(file: Path) -> bool:
    """Return whether nobody has saved to a file since it was moved: its name has the time at which it was written."""
    match = _RECOVERED_NAME.fullmatch(file.name)
    return match is not None and match[1] == _time(file)


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
    return f"{os.fsdecode(os.fsencode(name)[:_MAX_NAME_BYTES])}-{_time(file)}.blend"


def _time(file: Path) -> str:
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(written_at(file)))


def _presets(config: Path) -> Path | None:
    presets = config / "presets"
    try:
        presets.mkdir(exist_ok=True)
    except OSError:
        return None
    return presets


def _new_folder(folder: Path) -> Path:
    clear_path(folder)
    folder.mkdir(exist_ok=True)
    return folder
