"""The check of the machine, before anything is changed. Each problem comes with its solution."""

import os
import platform
import shutil
import socket
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError

GIB = 1024**3
"""Bytes."""
MEMORY_NEEDED_BYTES = 3 * GIB
DISK_NEEDED_BYTES = {"cache": 14 * GIB, "state": 6 * GIB}
"""Free space that empty folders need: `cache` gets builds and images, and `state` the node's image store."""
DISK_NEEDED_AGAIN_BYTES = {"cache": GIB, "state": GIB}
"""Free space that the same folders need once they are filled."""
KIND_DISK_NEEDED_BYTES = {"cache": 5 * GIB, "docker": 12 * GIB}
"""The same with kind: `cache` gets the builds of kind, kubectl and Helm, and `docker` all images."""
KIND_DISK_NEEDED_AGAIN_BYTES = {"cache": GIB, "docker": GIB}
"""The same once they are filled."""
_MORE_MEMORY = "End other programs, or use a larger machine."


@dataclass(frozen=True)
class Disk:
    """A file system, and our folders on it."""

    folders: Mapping[str, Path]
    """The folders by their keys in `DISK_NEEDED_BYTES` or `KIND_DISK_NEEDED_BYTES`."""
    free: int
    """Bytes."""


@dataclass(frozen=True)
class Facts:
    """The properties of the machine that the check needs."""

    system: str
    machine: str
    user_id: int
    has_apt: bool
    disks: tuple[Disk, ...]
    memory: int
    """Bytes available without swapping."""
    busy_ports: tuple[int, ...]
    overlays: tuple[Path, ...] = ()
    """Our folders that are on an overlay file system."""


def problems(facts: Facts, *, filled: AbstractSet[str], missing_packages: Sequence[str] = ()) -> list[str]:
    """Return the problems of the embedded cluster on a machine. Each text has the problem and its solution.

    Args:
        facts: the machine.
        filled: the folders that need little more disk, by their keys in `DISK_NEEDED_BYTES`.
        missing_packages: the Debian packages that are missing.
    """
    if facts.system != "Linux":
        advice = "Start a Docker engine to use kind, or use a virtual machine with Debian 12."
        return [f"This is {facts.system}; the embedded cluster needs Linux. {advice}"]
    found = []
    if facts.machine not in {"x86_64", "aarch64"}:
        found.append(f"The processor is {facts.machine}. Use a machine with x86_64 or aarch64.")
    if facts.user_id != 0:
        found.append("A node needs namespaces and mounts, so the command must run as root. Use sudo or a root shell.")
    if missing_packages and not facts.has_apt:
        found.append(
            f"The Debian packages {', '.join(missing_packages)} are missing, and there is no apt-get to install them. "
            "Install them with your system's package manager, or start a Docker engine to use kind."
        )
    found += [
        f"{folder} is on an overlay file system, which cannot hold an image store. Mount a volume there."
        for folder in facts.overlays
    ]
    found += _disk_problems(facts.disks, _needed(DISK_NEEDED_BYTES, DISK_NEEDED_AGAIN_BYTES, filled))
    found += _memory_problems(facts.memory)
    found += [
        f"Port {port} on 127.0.0.1 is in use by another program. "
        "End it, or choose another port with --http-port or --api-port."
        for port in facts.busy_ports
    ]
    return found


def kind_problems(facts: Facts, *, filled: AbstractSet[str], docker_answers: bool) -> list[str]:
    """Return the problems of kind on a machine. Each text has the problem and its solution.

    Args:
        facts: the machine.
        filled: the folders that need little more disk, by their keys in `KIND_DISK_NEEDED_BYTES`.
        docker_answers: whether a Docker engine answers this user.
    """
    found = []
    if not docker_answers:
        found.append(
            "No Docker engine answers `docker info`, and kind needs one. Start it, or join the group docker and log in "
            "again, or use `--engine embedded`, which needs no engine."
        )
    found += _disk_problems(facts.disks, _needed(KIND_DISK_NEEDED_BYTES, KIND_DISK_NEEDED_AGAIN_BYTES, filled))
    # On other systems, the engine runs in a virtual machine, whose memory is unknown here.
    if facts.system == "Linux":
        found += _memory_problems(facts.memory)
    found += [
        f"Port {port} on 127.0.0.1 is in use by another program. End it, or change hostPort in kind-config.yaml."
        for port in facts.busy_ports
    ]
    return found


def _needed(empty: Mapping[str, int], again: Mapping[str, int], filled: AbstractSet[str]) -> dict[str, int]:
    return {name: (again if name in filled else empty)[name] for name in empty}


def _disk_problems(disks: Sequence[Disk], needed: Mapping[str, int]) -> list[str]:
    """Return a problem for each disk with too little free space for all folders on it."""
    found = []
    for disk in disks:
        wanted = sum(needed[name] for name in disk.folders)
        if disk.free < wanted:
            folders = " and ".join(str(folder) for folder in disk.folders.values())
            has = "have together" if len(disk.folders) > 1 else "has"
            larger = ", or let XDG_CACHE_HOME name a folder on a larger disk" if "cache" in disk.folders else ""
            found.append(
                f"{folders} {has} {disk.free / GIB:.1f} GiB free, and {wanted / GIB:.0f} are needed. "
                f"Free some space{larger}."
            )
    return found


def _memory_problems(memory: int) -> list[str]:
    if memory >= MEMORY_NEEDED_BYTES:
        return []
    needed = MEMORY_NEEDED_BYTES / GIB
    return [f"{memory / GIB:.1f} GiB of memory are available and {needed:.0f} GiB are needed. {_MORE_MEMORY}"]


def gather(folders: Mapping[str, Path], ports: Sequence[int]) -> Facts:
    """Return the properties of this machine.

    Args:
        folders: our folders, which need not exist, by their keys in `DISK_NEEDED_BYTES` or `KIND_DISK_NEEDED_BYTES`.
        ports: the ports that must be free on loopback.
    """
    mounts = Path("/proc/self/mounts")
    state = [path for name, path in folders.items() if name == "state"]
    return Facts(
        system=platform.system(),
        machine=platform.machine(),
        user_id=os.geteuid(),
        has_apt=shutil.which("apt-get") is not None,
        disks=disks_of(folders),
        memory=available_memory(Path("/proc/meminfo")),
        busy_ports=tuple(port for port in ports if is_busy(port)),
        overlays=tuple(path for path in state if filesystem_of(existing(path), mounts) == "overlay"),
    )


def check(found: Sequence[str]) -> None:
    """Refuse to go on if there are problems.

    Raises:
        LocalClusterError: there are some. The message lists all.
    """
    if found:
        raise LocalClusterError("\n".join(f"- {problem}" for problem in found))


def disks_of(folders: Mapping[str, Path]) -> tuple[Disk, ...]:
    """Return the disks of the folders. Folders on the same disk share its free space."""
    devices: dict[int, dict[str, Path]] = {}
    for name, path in folders.items():
        devices.setdefault(existing(path).stat().st_dev, {})[name] = path
    return tuple(
        Disk(on_it, shutil.disk_usage(existing(next(iter(on_it.values())))).free) for on_it in devices.values()
    )


def is_busy(port: int) -> bool:
    """Return whether a program listens on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def existing(path: Path) -> Path:
    """Return `path`, or its nearest parent that exists."""
    while not path.exists():
        path = path.parent
    return path


def available_memory(meminfo: Path) -> int:
    """Return MemAvailable in /proc/meminfo, in bytes. Without this file, return 0."""
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return 0


def filesystem_of(path: Path, mounts: Path) -> str:
    """Return the type of the file system of `path`, and an empty text if it is unknown.

    Args:
        path: an absolute path.
        mounts: a file like /proc/self/mounts.
    """
    best, kind = "", ""
    if mounts.exists():
        for line in mounts.read_text().splitlines():
            _, point, this_kind, *_ = line.split()
            if path.is_relative_to(point) and len(point) >= len(best):
                best, kind = point, this_kind
    return kind
