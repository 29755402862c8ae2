"""Builds and installs what the tests need, and says how long each step took; what is there already costs nothing."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "local" / "cluster"))

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
        print(f"prepare: {name}", flush=True)  # noqa: T201
        step()
        print(f"prepare: {name}: {time.monotonic() - start:.1f} s", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
