"""Debian packages for the cluster and the image builds."""

import os
import shutil
from pathlib import Path

from localcluster import paths
from localcluster.commands import run_logged
from localcluster.errors import LocalClusterError

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_OF_CLUSTER = {
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
    "nftables": "nft",
    "runc": "runc",
    "util-linux": "nsenter",
}
_PROVIDED = {**_OF_CLUSTER, "gettext-base": "envsubst"}
"""By package: the command or the file that we need from it. It may also come from elsewhere.

A package that is not named here provides a command of its own name.
"""

CLUSTER = tuple(_OF_CLUSTER)
"""The packages that the embedded cluster and the image builds need."""


def missing(*names: str) -> list[str]:
    """Return the packages, by default of `CLUSTER`, whose command or file does not exist."""
    return [name for name in names or CLUSTER if not _is_present(_PROVIDED.get(name, name))]


def ensure(*names: str) -> list[str]:
    """Install the packages that are missing, by default of `CLUSTER`, and return their names.

    Raises:
        StepFailedError: apt-get failed. The message has the last lines of its log.
        LocalClusterError: a package does not provide what we take for its command or file, so it would be installed
            again at each call.
    """
    wanted = missing(*names)
    if wanted:
        _install(wanted)
    for name in missing(*wanted) if wanted else ():
        provided = _PROVIDED.get(name, name)
        raise LocalClusterError(
            f"The package {name} is installed, and has no {provided}. Correct _PROVIDED in {__name__}."
        )
    return wanted


def _is_present(thing: str) -> bool:
    return Path(thing).exists() if thing.startswith("/") else shutil.which(thing, path=_SYSTEM_PATH) is not None


def _install(names: list[str]) -> None:
    log = paths.cache() / "logs" / "apt-get.log"
    # With RUNLEVEL=1, packages do not start their daemons. The node starts its own containerd.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run_logged(["apt-get", "update"], log, "The package lists could not be updated.", environment)
    # The system itself may hold the lock for its own updates.
    options = ("--yes", "--no-install-recommends", "--option=DPkg::Lock::Timeout=120")
    command = ["apt-get", "install", *options, *names]
    run_logged(command, log, f"The packages {', '.join(names)} could not be installed.", environment)
