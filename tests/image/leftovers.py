"""The folder of one run of the suite, and the removal of what a run that was killed left behind.

Whatever a run makes outside its folder has the run's name: containers of runc and of buildah, network namespaces.
So the name alone is enough to remove all of it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from localcluster.images.buildah import Buildah
from localcluster.images.catalog import BLENDERS, blender_name, cache_dir, official_name

if TYPE_CHECKING:
    from collections.abc import Iterator

# On a disk: what a container writes to a tmpfs counts as its memory.
RUNS = Path("/var/tmp/blender-image-tests")


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make the folder of this run, and remove it with all that the run made. Its name is the run's.

    The folder is locked until this process ends, however it ends.
    """
    folder = RUNS / f"run{os.getpid()}"
    with ExitStack() as stack:
        with _locked(RUNS):
            _remove_leftovers()
            folder.mkdir()
            stack.enter_context(_locked(folder))
        try:
            yield folder
        finally:
            remove(folder)


def remove_leftovers() -> None:
    """Remove what runs that are over left behind."""
    with _locked(RUNS):
        _remove_leftovers()


def _remove_leftovers() -> None:
    for folder in RUNS.glob("run*"):
        with suppress(BlockingIOError), _locked(folder, fcntl.LOCK_NB):
            remove(folder)


@contextmanager
def _locked(folder: Path, flags: int = 0) -> Iterator[None]:
    """Lock a folder during the block.

    Raises:
        BlockingIOError: another process has the lock, and LOCK_NB is given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | flags)
        yield


def mount_name(run: str, image_name: str) -> str:
    """Return the name of the container of buildah in which a run has an image mounted."""
    return f"{run}-{image_name}"


def remove(folder: Path) -> None:
    """Remove a run's containers, network namespaces, mounts and files."""
    runc = folder / "runc"
    for container in runc.glob("*"):
        subprocess.run(["runc", f"--root={runc}", "delete", "--force", container.name], check=False)
    for line in subprocess.check_output(["ip", "netns", "list"], text=True).splitlines():
        if (namespace := line.split()[0]).startswith(f"{folder.name}-"):
            subprocess.run(["ip", "netns", "delete", namespace], check=True)
    for mount in reversed(psutil.disk_partitions(all=True)):
        if Path(mount.mountpoint).is_relative_to(folder):
            subprocess.run(["umount", mount.mountpoint], check=True)
    buildah = Buildah(cache_dir() / "storage")
    # By name: a list of containers fails while another process removes one.
    for name in (name_of(version) for version in BLENDERS for name_of in (blender_name, official_name)):
        buildah.output(["rm", mount_name(folder.name, name)])
    shutil.rmtree(folder)
