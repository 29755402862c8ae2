"""What must hold before anything is touched, and what to do where it does not."""

import os
import platform
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError

GIB = 1024**3
MEMORY_NEEDED = 3 * GIB
DISK_NEEDED = {"cache": 14 * GIB, "state": 6 * GIB}
"""Free space, in bytes, for a first run: Go's and our own builds and images; a node's image store."""
DISK_NEEDED_AGAIN = {"cache": GIB, "state": GIB}
"""The same where all of that is there already."""
KIND_DISK_NEEDED = {"cache": 5 * GIB, "docker": 12 * GIB}
"""The same with kind: Go's builds of kind, kubectl and Helm; Docker's images, and the node with its own."""
KIND_DISK_NEEDED_AGAIN = {"cache": GIB, "docker": GIB}
_MORE_MEMORY = "End other programs, or use a larger machine."


@dataclass(frozen=True)
class Disk:
    """A file system, and which of our places lie on it."""

    places: Mapping[str, Path]
    """By their names in `DISK_NEEDED` or `KIND_DISK_NEEDED`."""
    free: int
    """Bytes."""


@dataclass(frozen=True)
class Facts:
    """What was found on the machine."""

    system: str
    machine: str
    user_id: int
    has_apt: bool
    disks: tuple[Disk, ...]
    memory: int
    """Bytes available without swapping."""
    busy_ports: tuple[int, ...]
    overlays: tuple[Path, ...] = ()
    """Those of our places that lie on an overlay file system."""


def problems(facts: Facts, *, first: bool, missing_packages: Sequence[str] = ()) -> list[str]:
    """Return one sentence for each thing that stands in the way of the embedded cluster.

    Args:
        facts: the machine.
        first: nothing has been built here yet, so that more disk is needed.
        missing_packages: what would have to be installed.
    """
    if facts.system != "Linux":
        advice = "Start a Docker engine (then kind is used), or work in a Debian 12 virtual machine."
        return [f"This is {facts.system}; the embedded cluster needs Linux. {advice}"]
    found = []
    if facts.machine not in {"x86_64", "aarch64"}:
        found.append(f"The processor is {facts.machine}; only x86_64 and aarch64 are known to work.")
    if facts.user_id != 0:
        found.append("A node needs namespaces and mounts, so this must run as root: use sudo, or a root shell.")
    if missing_packages and not facts.has_apt:
        found.append(
            f"Missing: {', '.join(missing_packages)} (names as in Debian), and there is no apt-get to install them. "
            "Install them by your system's means, or start a Docker engine (then kind is used)."
        )
    found += [
        f"{place} lies on an overlay file system, on which no image store can stand. Mount a volume there."
        for place in facts.overlays
    ]
    found += _disk_problems(facts.disks, DISK_NEEDED if first else DISK_NEEDED_AGAIN)
    found += _memory_problems(facts.memory)
    found += [
        f"Port {port} on 127.0.0.1 is in use by another program. "
        "End it, or choose another port with --http-port or --api-port."
        for port in facts.busy_ports
    ]
    return found


def kind_problems(facts: Facts, *, first: bool, docker_answers: bool) -> list[str]:
    """Return one sentence for each thing that stands in the way of kind.

    Args:
        facts: the machine.
        first: neither programs nor images have been built yet.
        docker_answers: there is an engine that this user may use.
    """
    found = []
    if not docker_answers:
        found.append(
            "No Docker engine answers `docker info`, and kind needs one. Start it, or join the group docker and log in "
            "again; or use `--engine embedded`, which needs none."
        )
    found += _disk_problems(facts.disks, KIND_DISK_NEEDED if first else KIND_DISK_NEEDED_AGAIN)
    # Elsewhere than on Linux the engine has a machine of its own, whose memory is not seen from here.
    if facts.system == "Linux":
        found += _memory_problems(facts.memory)
    found += [
        f"Port {port} on 127.0.0.1 is in use by another program. End it, or change hostPort in kind-config.yaml."
        for port in facts.busy_ports
    ]
    return found


def _disk_problems(disks: Sequence[Disk], needed: Mapping[str, int]) -> list[str]:
    """Compare each disk with what all the places on it need together."""
    found = []
    for disk in disks:
        wanted = sum(needed[name] for name in disk.places)
        if disk.free < wanted:
            places = " and ".join(str(place) for place in disk.places.values())
            has = "have together" if len(disk.places) > 1 else "has"
            advice = "Free some, or point XDG_CACHE_HOME to a larger disk." if "cache" in disk.places else "Free some."
            found.append(f"{places} {has} {disk.free / GIB:.1f} GiB free, and {wanted / GIB:.0f} are needed. {advice}")
    return found


def _memory_problems(memory: int) -> list[str]:
    if memory >= MEMORY_NEEDED:
        return []
    needed = MEMORY_NEEDED / GIB
    return [f"{memory / GIB:.1f} GiB of memory are available and {needed:.0f} GiB are needed. {_MORE_MEMORY}"]


def gather(places: Mapping[str, Path], ports: Sequence[int]) -> Facts:
    """Look at the machine.

    Args:
        places: folders, there or to be made, by their names in `DISK_NEEDED` or `KIND_DISK_NEEDED`.
        ports: those that must be free on loopback.
    """
    mounts = Path("/proc/self/mounts")
    state = [path for name, path in places.items() if name == "state"]
    return Facts(
        system=platform.system(),
        machine=platform.machine(),
        user_id=os.geteuid(),
        has_apt=shutil.which("apt-get") is not None,
        disks=disks_of(places),
        memory=available_memory(Path("/proc/meminfo")),
        busy_ports=tuple(port for port in ports if is_busy(port)),
        overlays=tuple(path for path in state if filesystem_of(existing(path), mounts) == "overlay"),
    )


def check(found: Sequence[str]) -> None:
    """Raise LocalClusterError with all problems at once, if there are any."""
    if found:
        raise LocalClusterError("\n".join(f"- {problem}" for problem in found))


def disks_of(places: Mapping[str, Path]) -> tuple[Disk, ...]:
    """Return the disks that hold the places: those on one disk share its free space."""
    devices: dict[int, dict[str, Path]] = {}
    for name, path in places.items():
        devices.setdefault(existing(path).stat().st_dev, {})[name] = path
    return tuple(
        Disk(on_it, shutil.disk_usage(existing(next(iter(on_it.values())))).free) for on_it in devices.values()
    )


def is_busy(port: int) -> bool:
    """Tell whether something listens on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def existing(path: Path) -> Path:
    """Return `path` or its nearest parent that exists."""
    while not path.exists():
        path = path.parent
    return path


def available_memory(meminfo: Path) -> int:
    """Return MemAvailable of /proc/meminfo in bytes; where there is no such file, 0."""
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return 0


def filesystem_of(path: Path, mounts: Path) -> str:
    """Return the type of the file system that holds `path`, from /proc/self/mounts; empty if that is not known."""
    best, kind = "", ""
    if mounts.exists():
        for line in mounts.read_text().splitlines():
            _, point, this_kind, *_ = line.split()
            if path.is_relative_to(point) and len(point) >= len(best):
                best, kind = point, this_kind
    return kind
