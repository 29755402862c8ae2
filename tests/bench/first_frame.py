"""Seconds from `kubectl apply` to a Ready session and to the first full frame in a browser, on a running cluster.

    make bench OPTIONS='first-frame [--cluster demo] [--runs 5]'

One row a run, then the medians. `ready` ends when `kubectl wait` comes back; `frame` when the tab shows the whole of
what VNC shows. The tab is opened when the session is Ready, as a person's would be.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, sync_playwright

from e2e.conftest import CHROMIUM_FLAGS, SIZE
from e2e.desktop import Desktop, manifest
from e2e.kubectl import Kubectl
from e2e.picture import SAME, difference, from_tab, from_vnc
from localcluster import binaries
from localcluster.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

FRAMES_FOR = 12.0
"""Seconds that frames are taken for, from the opening of the tab."""


def measure(kubectl: Kubectl, browser: Browser, public_url: str, name: str) -> tuple[float, float]:
    """Start one session, and return the seconds until Ready and until the first full frame."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    desktop = Desktop(kubectl, name)
    try:
        start = time.monotonic()
        kubectl.apply(manifest(name, sample="shopping_cart.blend"))
        kubectl.run("wait", "--for=condition=Ready", f"blendersession/{name}", "--timeout=60s")
        ready = time.monotonic() - start
        page.goto(desktop.link(public_url), wait_until="commit")
        frames: list[tuple[float, Image.Image]] = []
        opened = time.monotonic()
        while time.monotonic() < opened + FRAMES_FOR:
            picture = from_tab(page)
            frames.append((time.monotonic() - start, picture))
        with tempfile.TemporaryDirectory() as folder:
            whole = from_vnc(desktop, Path(folder) / "vnc.png")
        for seconds, picture in frames:
            if difference(whole, picture) < SAME:
                return ready, seconds
        raise SystemExit(f"{name}: no full frame within {FRAMES_FOR:.0f} s of opening the tab")
    finally:
        context.close()
        kubectl.run("delete", "blendersession", name, "--timeout=60s")


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cluster", default="demo", help="name of the running cluster")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    cluster = Cluster(options.cluster)
    kubectl = Kubectl(binaries.ensure("kubectl")["kubectl"], cluster.kubeconfig, "default")
    print("run  ready  frame")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        rows = []
        for run in range(1, options.runs + 1):
            rows.append(measure(kubectl, browser, cluster.http_url, f"bench-{run}"))
            print(f"{run:>3} {rows[-1][0]:>6.2f} {rows[-1][1]:>6.2f}", flush=True)
        browser.close()
    print(f"p50 {statistics.median(r for r, _ in rows):>6.2f} {statistics.median(f for _, f in rows):>6.2f}")
