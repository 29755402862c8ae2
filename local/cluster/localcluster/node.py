"""The node: a set of Linux namespaces with a process 1 of its own.

Everything of a cluster runs inside, so the kernel ends all of it, with its mounts, interfaces and packet filter rules,
when that one process is killed. That holds after a crash of ours at any line.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from localcluster import processes
from localcluster.components import Component, Supervisor
from localcluster.errors import LocalClusterError

_CGROUPS = Path("/sys/fs/cgroup")

# $1: state folder, $2: host name, $3: pause.
_INIT = """
mount --make-rshared /
hostname "$2"
# Sockets, locks and pods' network namespaces live in /run: the node has its own, without the host's init system.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns
for place in kubelet cni; do
    mkdir -p "$1/$place" "/var/lib/$place"
    mount --bind "$1/$place" "/var/lib/$place"
done
# Where that is a link into the host's /run, it now leads nowhere.
resolver=$(readlink -m /etc/resolv.conf)
mkdir -p "${resolver%/*}"
[ -e "$resolver" ] || touch "$resolver"
mount --bind "$1/etc/resolv.conf" "$resolver"
mkdir -p "$1/var-log"
mount --bind "$1/var-log" /var/log
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
touch "$1/node-ready"
exec "$3"
"""


@dataclass(frozen=True)
class Node:
    """The node of the cluster `name`, with its files in `state`."""

    name: str
    state: Path

    @property
    def host_name(self) -> str:
        """The node's name, for Kubernetes too."""
        return f"blender-{self.name}"

    @property
    def cgroup(self) -> str:
        """The cgroup, below the root of every hierarchy, that holds the pods' cgroups."""
        return f"blender-sessions-{self.name}"

    def start(self, pause: Path) -> bool:
        """Make sure that the node exists; return whether it had to be made. `etc/resolv.conf` must be in its folder.

        Raises:
            LocalClusterError: it could not be made; the message has the log's last lines.
        """
        if self.is_running():
            return False
        ready = self.state / "node-ready"
        ready.unlink(missing_ok=True)
        for cgroup in self._cgroups():
            cgroup.mkdir(exist_ok=True)
        script = ("/bin/sh", "-ec", _INIT, "node", str(self.state), self.host_name, str(pause))
        flags = ("--fork", "--kill-child", "--pid", "--mount-proc", "--mount", "--net", "--uts", "--ipc")
        command = ("/usr/bin/unshare", *flags, "--propagation=slave", "--", *script)
        self._supervisor.run(Component("node", command))
        self._supervisor.wait("node", ready.exists, 20)
        return True

    def is_running(self) -> bool:
        """Tell whether the node exists, whole."""
        return self._supervisor.is_running("node") and (self.state / "node-ready").exists()

    def supervisor(self, *, network: bool = True) -> Supervisor:
        """Return what starts programs on the node.

        Args:
            network: False leaves them in the host's network, yet they still end with the node.
        """
        namespaces = ("--pid", "--mount", "--uts", "--ipc", *(("--net",) if network else ()))
        prefix = ("/usr/bin/nsenter", f"--target={self.init()}", *namespaces, "--wd=/", "--")
        return replace(self._programs, prefix=prefix)

    def init(self) -> int:
        """Return the host's number of the node's process 1.

        Raises:
            LocalClusterError: the node does not run.
        """
        record = processes.running(self._supervisor.pid_file("node"))
        below = processes.children(record.identity.pid) if record else []
        if not below:
            raise LocalClusterError(f"The node of cluster {self.name!r} does not run.")
        return below[0]

    def stop(self) -> None:
        """End the node and everything on it at once, and remove its cgroups."""
        record = processes.running(self._supervisor.pid_file("node"))
        if record is not None:
            # Process 1 goes only after everything in its namespace; its parent, whose record we hold, waits for it.
            for pid in processes.children(record.identity.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            processes.wait(lambda: not processes.is_alive(record.identity), 20)
            # The wrappers that started the programs stand on the host, and end a moment after them.
            programs = self._programs
            processes.wait(lambda: not any(map(programs.is_running, programs.names())), 20)
        self._supervisor.stop("node", grace=0)
        for cgroup in self._cgroups():
            _remove_cgroup(cgroup)

    @property
    def _supervisor(self) -> Supervisor:
        return Supervisor(self.state / "pids", self.state / "logs")

    @property
    def _programs(self) -> Supervisor:
        return Supervisor(self.state / "pids" / "node", self.state / "logs")

    def _cgroups(self) -> Iterator[Path]:
        """Yield the node's cgroup in every hierarchy: one with cgroup v2, one per controller with v1."""
        if (_CGROUPS / "cgroup.controllers").exists():
            yield _CGROUPS / self.cgroup
            return
        for hierarchy in sorted(_CGROUPS.iterdir()):
            if (hierarchy / "cgroup.procs").exists() and not hierarchy.is_symlink():
                yield hierarchy / self.cgroup


def _remove_cgroup(cgroup: Path) -> None:
    """Remove a cgroup and all below it; the last exiting tasks may keep one busy for a moment."""
    if not cgroup.exists():
        return
    folders = [Path(folder) for folder, _, _ in os.walk(cgroup, topdown=False)]
    for folder in folders:

        def removed(folder: Path = folder) -> bool:
            with contextlib.suppress(OSError):
                folder.rmdir()
            return not folder.exists()

        if not processes.wait(removed, 5):
            raise LocalClusterError(f"The cgroup {folder} still holds processes. End them and run `down` again.")
