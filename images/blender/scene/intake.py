"""Checks a scene that has arrived, and gives it a name in the home folder. Until then it is hidden there."""

import contextlib
import errno
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from limits.room import Room
from scene.archive import is_archive, only_scene, unpack
from scene.failure import Reason, SceneRefused
from scene.header import read_header
from scene.names import BLEND, ZIP, safe_name, shown_name
from scene.plain import NotABlend
from scene.versions import BlenderVersion, check_version
from workspace.names import free_name

NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""How a file system says that it has no second names for a file."""


@dataclass(frozen=True)
class TakenIn:
    """A scene in the home folder that Blender can open."""

    file: Path
    warning: str = ""
    """A sentence for the person; empty for none."""
    folder: Path | None = None
    """The folder that was made for it; None for a scene that lies in the home folder itself."""
    is_new: bool = True
    """Whether it has just arrived, so that nobody can have worked on it."""

    def remove(self) -> None:
        """Remove a new scene again, because Blender refused it."""
        if not self.is_new:
            return
        with contextlib.suppress(OSError):
            if self.folder is not None:
                shutil.rmtree(self.folder)
            else:
                self.file.unlink()


class Intake:
    """The home folder as the place where scenes arrive.

    Args:
        home: the home folder.
        incoming: a hidden folder in it, for what is not complete. The agent's next start empties it.
        room: what is left in the home folder.
        max_bytes: the largest scene, or unpacked archive, that is taken in.
    """

    def __init__(self, home: Path, incoming: Path, room: Room, max_bytes: int) -> None:
        self.home = home
        self.room = room
        self.max_bytes = max_bytes
        self._incoming = incoming

    def make_folder(self) -> Path:
        """Make a hidden folder for a scene that arrives.

        Raises:
            OSError: the home folder cannot be written.
        """
        self._incoming.mkdir(mode=0o700, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._incoming))

    def take_in(self, arrived: Path, name: str, blender: BlenderVersion) -> TakenIn:
        """Check a scene, and give it a name in the home folder that nothing has.

        Args:
            arrived: a .blend, a .zip, or a folder, in the hidden folder.
            name: the name that it came with. What it is decides its content, not the name.
            blender: the Blender that will open it.

        Raises:
            SceneRefused: it cannot be opened.
            NoRoom: an archive does not fit into the home folder.
            OSError: the home folder cannot be written.
        """
        if arrived.is_dir():
            return self._take_folder(arrived, _only_scene(arrived, shown_name(name)), name, blender)
        if is_archive(arrived):
            stem = name[: -len(ZIP)] if name.lower().endswith(ZIP) else name
            folder = self.make_folder()
            try:
                with self.room.reservation(f"what {shown_name(name)} holds") as reservation:
                    scene = unpack(arrived, shown_name(name), folder, self.max_bytes, reservation)
                return self._take_folder(folder, scene, stem, blender)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        warning = check_scene(arrived, shown_name(name), blender)
        return TakenIn(_move_file(arrived, self.home, safe_name(name, BLEND)), warning)

    def _take_folder(self, folder: Path, scene: Path, name: str, blender: BlenderVersion) -> TakenIn:
        warning = check_scene(scene, shown_name(scene.name), blender)
        target = free_name(self.home, safe_name(name, ""))
        folder.chmod(0o755)
        folder.rename(target)
        return TakenIn(target / scene.name, warning, target)


def check_scene(scene: Path, name: str, blender: BlenderVersion) -> str:
    """Return a warning about a scene that can be opened; nothing if there is none.

    Raises:
        SceneRefused: it is no .blend, or this Blender cannot open it.
        OSError: it cannot be read.
    """
    try:
        with scene.open("rb") as file:
            os.fsync(file.fileno())
            header = read_header(file)
    except NotABlend as error:
        raise SceneRefused(
            Reason.UNREADABLE, f"{name} {error}. Save it in Blender again, or send it once more."
        ) from None
    return check_version(name, header, blender)


def _only_scene(folder: Path, name: str) -> Path:
    paths = [PurePosixPath(entry.name) for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    return folder / only_scene(paths, name)


def _move_file(file: Path, folder: Path, name: str) -> Path:
    while True:
        target = free_name(folder, name)
        try:
            # Unlike a rename, this never takes the place of a file that was just made.
            os.link(file, target)
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return file.rename(target)
        file.unlink()
        return target
