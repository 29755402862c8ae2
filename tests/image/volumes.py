"""The folders of a pod: home, /tmp, /run/blender-sessions, the Secret."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

USER = 1000
RUN_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Identity:
    """The user that a container runs as."""

    user: int
    group: int
    volume_group: int
    """The group of the volumes' files, which the user is in too: the pod's fsGroup."""


OWN_IDENTITY = Identity(USER, USER, USER)
"""The image's own user, which the operator names unless the platform chooses the user."""


@dataclass(frozen=True)
class Volumes:
    """What the pod's volumes are on this machine."""

    home: Path
    tmp: Path
    run: Path
    secret: Path
    vnc_password: str
    agent_token: str

    @property
    def mounts(self) -> dict[str, Path]:
        """The folders that can be written to, by their path in the container."""
        return {"/home/blender": self.home, "/tmp": self.tmp, "/run/blender-sessions": self.run}

    def empty(self) -> None:
        """Empty what ends with a pod: all but the home folder."""
        for folder in (self.tmp, self.run):
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def unmount(self) -> None:
        """Unmount what is in memory."""
        for folder in (self.home, self.tmp, self.run):
            if folder.is_mount():
                subprocess.run(["umount", folder], check=True)


def make_volumes(
    folder: Path, home: Path | None, home_bytes: int | None, tmp_bytes: int | None, group: int = USER
) -> Volumes:
    """Make the volumes below a folder.

    Args:
        folder: an empty folder.
        home: a folder that is there, to be the home folder; None: a new one.
        home_bytes: size of the home folder; None: the disk's. With a size, it is in memory.
        tmp_bytes: size of /tmp, in the same way.
        group: the group of the files.
    """
    if home is None:
        home = folder / "home"
        _empty_dir(home, home_bytes, group)
    for name, size in (("tmp", tmp_bytes), ("run", RUN_BYTES)):
        _empty_dir(folder / name, size, group)
    values = {"vnc-password": secrets.token_hex(4), "agent-token": secrets.token_hex(16)}
    secret = folder / "secret"
    secret.mkdir()
    for key, value in values.items():
        (secret / key).write_text(value)
        os.chown(secret / key, 0, group)
        (secret / key).chmod(0o440)
    return Volumes(home, folder / "tmp", folder / "run", secret, values["vnc-password"], values["agent-token"])


def put(home: Path, files: Mapping[str, bytes | str | Path]) -> None:
    """Put files into the home folder as the desktop's own: their content, or a file to copy, by their path in it."""
    for name, content in files.items():
        target = home / name
        missing = [each for each in target.parents if not each.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, target)
        else:
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        for each in (target, *missing):
            os.chown(each, USER, USER)


def _empty_dir(folder: Path, size: int | None, group: int) -> None:
    """Make an emptyDir as the kubelet does for a pod with an fsGroup."""
    folder.mkdir()
    if size is not None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    os.chown(folder, 0, group)
    folder.chmod(0o2777)
