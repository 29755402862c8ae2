"""Builds and installs what the tests need, and says how long each step took; what is there already costs nothing."""

from __future__ import annotations

import time

from localcluster import binaries, images, packages

STEPS = {
    "Debian packages": lambda: packages.ensure(*packages.CLUSTER, "chromium"),
    "Kubernetes, etcd, Helm, CoreDNS": lambda: binaries.ensure(*binaries.ALL),
    "images": images.build,
}


def main() -> None:
    """Run the steps."""
    for name, step in STEPS.items():
        start = time.monotonic()
        print(f"prepare: {name}", flush=True)
        step()
        print(f"prepare: {name}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
