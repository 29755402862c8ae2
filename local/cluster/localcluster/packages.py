"""Debian packages that the cluster and the image builds need."""

import os
import shutil
from pathlib import Path

from localcluster import paths
from localcluster.commands import run_logged

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PROVIDES = {
    "buildah": "buildah",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "ipset": "ipset",
    "iptables": "iptables",
    "mount": "mount",
    "nsenter": "util-linux",
    "runc": "runc",
    "slirp4netns": "slirp4netns",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
"""A command, or a file, and the package that has it."""


def missing() -> list[str]:
    """Return the packages whose command or file is not there."""

    def present(thing: str) -> bool:
        return Path(thing).exists() if thing.startswith("/") else shutil.which(thing, path=_SYSTEM_PATH) is not None

    return sorted({package for thing, package in PROVIDES.items() if not present(thing)})


def install(names: list[str]) -> None:
    """Install packages with apt-get.

    Raises:
        StepFailedError: apt-get failed; the message has the log's last lines.
    """
    log = paths.cache() / "logs" / "apt-get.log"
    # RUNLEVEL=1 keeps packages from starting daemons of their own: the node runs its own containerd.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    advice = "The package lists could not be brought up to date."
    run_logged(["apt-get", "update"], log, advice, environment)
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *names]
    run_logged(command, log, f"The packages {', '.join(names)} could not be installed.", environment)
