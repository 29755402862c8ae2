"""Debian packages that the cluster and the image builds need."""

import os
import shutil
from pathlib import Path

from localcluster import paths
from localcluster.commands import run_logged

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_PROVIDED = {
    "buildah": "buildah",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "curl": "/usr/bin/curl",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "debootstrap": "debootstrap",
    "iproute2": "ip",
    "ipset": "ipset",
    "iptables": "iptables",
    "mount": "mount",
    "runc": "runc",
    "util-linux": "nsenter",
}
"""A package, and the command or file of it that we use, wherever that may come from."""

CLUSTER = tuple(_PROVIDED)
"""What the embedded cluster and the image builds need."""


def missing(*names: str) -> list[str]:
    """Return those of the packages (by default, of `CLUSTER`) whose command is not there."""
    return [name for name in names or CLUSTER if not _is_present(_PROVIDED.get(name, name))]


def ensure(*names: str) -> list[str]:
    """Install what is missing of the packages, and return what was.

    Raises:
        StepFailedError: apt-get failed; the message has the log's last lines.
    """
    wanted = missing(*names)
    if wanted:
        _install(wanted)
    return wanted


def _is_present(thing: str) -> bool:
    return Path(thing).exists() if thing.startswith("/") else shutil.which(thing, path=_SYSTEM_PATH) is not None


def _install(names: list[str]) -> None:
    log = paths.cache() / "logs" / "apt-get.log"
    # RUNLEVEL=1 keeps packages from starting daemons of their own: the node runs its own containerd.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run_logged(["apt-get", "update"], log, "The package lists could not be brought up to date.", environment)
    # A machine that has just started may be at its own updates.
    options = ("--yes", "--no-install-recommends", "--option=DPkg::Lock::Timeout=120")
    command = ["apt-get", "install", *options, *names]
    run_logged(command, log, f"The packages {', '.join(names)} could not be installed.", environment)
