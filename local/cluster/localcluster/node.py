"""The node: a set of Linux namespaces with a process 1.

All programs of a cluster run in these namespaces. When process 1 is killed, the kernel ends all of them, and removes
their mounts, interfaces and packet filter rules. This works even if our own code crashed before, at any line.
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

# The arguments are $1: the state folder, $2: the host name, $3: the program pause.
_INIT = """
mount --make-rshared /
hostname "$2"
# Sockets, locks and the pods' network namespaces are in /run. The node has its own, without the host's init system.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns
for place in kubelet cni; do
    mkdir -p "$1/$place" "/var/lib/$place"
    mount --bind "$1/$place" "/var/lib/$place"
done
# If /etc/resolv.conf is a link into the host's /run, its target no longer exists.
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
    """The node of the cluster `name`. Its files are in the folder `state`."""

    name: str
    state: Path

    @property
    def host_name(self) -> str:
        """The node's host name, which is also its name in Kubernetes."""
        return f"blender-{self.name}"

    @property
    def cgroup(self) -> str:
        """The name of the pods' parent cgroup, in the root of each hierarchy."""
        return f"blender-sessions-{self.name}"

    def start(self, pause: Path) -> bool:
        """Start the node unless it runs, and return whether it was started.

        Args:
            pause: the program that becomes process 1. The file `etc/resolv.conf` in the node's folder must exist.

        Raises:
            LocalClusterError: the node did not start. The message has the last lines of its log.
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
        """Return whether the node runs and its start was completed."""
        return self._supervisor.is_running("node") and (self.state / "node-ready").exists()

    def supervisor(self, *, network: bool = True) -> Supervisor:
        """Return a supervisor for programs on the node.

        Args:
            network: if False, programs use the host's network namespace. They still end with the node.
        """
        namespaces = ("--pid", "--mount", "--uts", "--ipc", *(("--net",) if network else ()))
        prefix = ("/usr/bin/nsenter", f"--target={self.init()}", *namespaces, "--wd=/", "--")
        return replace(self._programs, prefix=prefix)

    def init(self) -> int:
        """Return the host's process id of the node's process 1.

        Raises:
            LocalClusterError: the node does not run.
        """
        record = processes.running(self._supervisor.pid_file("node"))
        below = processes.children(record.identity.pid) if record else []
        if not below:
            raise LocalClusterError(f"The node of cluster {self.name!r} does not run. Start it with `up` or `demo`.")
        return below[0]

    def stop(self) -> None:
        """Kill the node and all programs on it, and remove its cgroups.

        Raises:
            LocalClusterError: a cgroup still has processes.
        """
        record = processes.running(self._supervisor.pid_file("node"))
        if record is not None:
            # The kernel removes process 1 after all other processes of its namespace. The recorded process is its
            # parent, and waits for it.
            for pid in processes.children(record.identity.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            processes.wait(lambda: not processes.is_alive(record.identity), 20)
            # The nsenter processes that started the programs are on the host, and end a moment later.
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
        """Yield the node's cgroup in each hierarchy: cgroup v2 has one hierarchy, v1 has one per controller."""
        if (_CGROUPS / "cgroup.controllers").exists():
            yield _CGROUPS / self.cgroup
            return
        for hierarchy in sorted(_CGROUPS.iterdir()):
            if (hierarchy / "cgroup.procs").exists() and not hierarchy.is_symlink():
                yield hierarchy / self.cgroup


def _remove_cgroup(cgroup: Path) -> None:
    """Remove a cgroup with all cgroups in it. Tasks that are exiting may delay this for a moment."""
    if not cgroup.exists():
        return
    folders = [Path(folder) for folder, _, _ in os.walk(cgroup, topdown=False)]
    for folder in folders:

        def removed(folder: Path = folder) -> bool:
            with contextlib.suppress(OSError):
                folder.rmdir()
            return not folder.exists()

        if not processes.wait(removed, 5):
            raise LocalClusterError(f"The cgroup {folder} still has processes. End them and run `down` again.")
