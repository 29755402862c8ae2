"""Builds and installs what the tests need, skips what is there already, and prints the time of each step."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from localcluster import binaries, images, packages
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError

CLIENT = Path(__file__).parents[1] / "local" / "guacamole" / "client"


def check() -> None:
    """Say what the machine lacks before anything is built."""
    cluster = Cluster("test")
    cluster.check(*cluster.ports(None, None))


def install_client() -> None:
    """Install the library of the stand-in's page, unless what is there is what is locked."""
    installed = CLIENT / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= (CLIENT / "package-lock.json").stat().st_mtime:
        return
    npm = Path(sys.executable).with_name("npm")
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=CLIENT, check=True)


STEPS = {
    "this machine": check,
    "Debian packages": lambda: packages.ensure(*packages.CLUSTER, "chromium", "faketime", "nginx", "gettext-base"),
    "the stand-in's page": install_client,
    "Kubernetes, etcd, Helm, CoreDNS, oauth2-proxy": lambda: binaries.ensure(*binaries.ALL, "oauth2-proxy"),
    "images": lambda: images.build(progress=lambda name, step: print(f"prepare: image {name}: {step}", flush=True)),
}


def main() -> None:
    """Run the steps."""
    for name, step in STEPS.items():
        start = time.monotonic()
        print(f"prepare: {name}", flush=True)
        try:
            step()
        except LocalClusterError as error:
            sys.exit(f"prepare: {error}")
        print(f"prepare: {name}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
