"""What must hold before anything is touched, and what to do where it does not."""

import os
import platform
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError

GIB = 1024**3
DISK_NEEDED = {"cache": 14 * GIB, "state": 8 * GIB}
"""Free space, in bytes, for a first run: Go's and our own builds and images; a node's image store."""
DISK_NEEDED_AGAIN = 2 * GIB
MEMORY_NEEDED = 3 * GIB


@dataclass(frozen=True)
class Facts:
    """What was found on the machine."""

    system: str
    machine: str
    user_id: int
    has_apt: bool
    free_disk: dict[str, int]
    """Bytes free for each key of `DISK_NEEDED`."""
    places: dict[str, Path]
    memory: int
    """Bytes available without swapping."""
    busy_ports: tuple[int, ...]
    state_filesystem: str


def problems(facts: Facts, *, first: bool, missing_packages: Sequence[str] = ()) -> list[str]:
    """Return one sentence for each thing that stands in the way.

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
    if facts.state_filesystem == "overlay":
        found.append(
            f"{facts.places['state']} lies on an overlay file system, on which no image store can stand. "
            "Mount a volume there."
        )
    for place, needed in DISK_NEEDED.items():
        wanted = needed if first else DISK_NEEDED_AGAIN
        free = facts.free_disk[place]
        if free < wanted:
            found.append(
                f"{facts.places[place]} has {free / GIB:.1f} GiB free and {wanted / GIB:.0f} GiB are needed. "
                + ("Free some, or point XDG_CACHE_HOME to a larger disk." if place == "cache" else "Free some.")
            )
    if facts.memory < MEMORY_NEEDED:
        found.append(
            f"{facts.memory / GIB:.1f} GiB of memory are available and {MEMORY_NEEDED / GIB:.0f} GiB are needed. "
            "End other programs, or use a larger machine."
        )
    found += [
        f"Port {port} on 127.0.0.1 is in use by another program. "
        "End it, or choose another port with --http-port or --api-port."
        for port in facts.busy_ports
    ]
    return found


def gather(cache: Path, state: Path, ports: Sequence[int]) -> Facts:
    """Look at the machine; `ports` are those that must be free on loopback."""
    places = {"cache": cache, "state": state}
    return Facts(
        system=platform.system(),
        machine=platform.machine(),
        user_id=os.geteuid(),
        has_apt=shutil.which("apt-get") is not None,
        free_disk={name: shutil.disk_usage(existing(place)).free for name, place in places.items()},
        places=places,
        memory=available_memory(Path("/proc/meminfo")),
        busy_ports=tuple(port for port in ports if is_busy(port)),
        state_filesystem=filesystem_of(existing(state), Path("/proc/self/mounts")),
    )


def check(facts: Facts, *, first: bool, missing_packages: Sequence[str] = ()) -> None:
    """Raise LocalClusterError with all problems at once, if there are any."""
    found = problems(facts, first=first, missing_packages=missing_packages)
    if found:
        raise LocalClusterError("\n".join(f"- {problem}" for problem in found))


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
