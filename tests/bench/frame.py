"""Seconds from a session's creation to its picture in a browser, on a running cluster: cold, warm, warm with the scene.

    make bench OPTIONS='frame [--cluster demo] [--runs 20] [--record]'

The ways take turns, so that noise hits all. `warm` takes a desktop of a pool that shows the empty scene, and `scene`
one that shows the scene already. Each row is counted from the moment in which the object is sent:

- connection: its status says that Guacamole has the connection, and that its owner may open it;
- ready: it is Ready. The tab is opened now;
- tunnel: the tab has a tunnel to guacd;
- first frame, full frame: the tab shows something of the desktop, and all of it.

The floor is what no operator can save: a bare pod of the same content until it is ready, and a tab that is opened on a
desktop that runs for long.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
from playwright.sync_api import Browser, sync_playwright

from apiserver.api import SESSIONS, Api
from bench import page
from bench.frame_table import Figures, table
from bench.tab import Pixels, Seen, Tab, mean_difference
from e2e.chromium import CHROMIUM_FLAGS
from e2e.desktop import Desktop, manifest
from e2e.kubectl import CHILDREN, MANAGED, Kubectl
from e2e.picture import SAME
from localcluster import binaries
from localcluster.cluster import Cluster
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


CART = "shopping_cart.blend"
POOLS: dict[str, dict[str, object] | None] = {
    "cold": None,
    "warm": {"size": 1},
    "scene": {"size": 1, "scene": CART},
}
"""The pool of each way's class."""
POD_FLOOR, TAB_FLOOR = "floor, pod", "floor, tab"
STANDING = "standing"
"""A session that runs all the while. Its owner is signed in, and its desktop is the floor's."""


def add(figures: Figures, begun: float, **ended: float) -> None:
    """Note when the parts of one run ended that began at a time."""
    for name, at in ended.items():
        figures.setdefault(name.replace("_", " "), []).append(at - begun)


class Bench:
    """A namespace of the bench's own in the cluster.

    Args:
        cluster: a running cluster with the product in it.
        kubectl: the client, in the bench's namespace.
        browser: opens the tabs.
    """

    def __init__(self, cluster: Cluster, kubectl: Kubectl, browser: Browser) -> None:
        self._url = cluster.http_url
        self._api = Api(cluster.kubeconfig, cluster.kubeconfig.parent)
        self._kubectl = kubectl
        self._browser = browser
        self._token = ""
        self._whole: Pixels = []

    def begin(self) -> None:
        """Make the classes, and the session that stands, whose picture all others must have."""
        for name, pool in POOLS.items():
            spec = {} if pool is None else {"warmPool": pool}
            self._kubectl.apply(
                {
                    "apiVersion": "blendersessions.io/v1alpha1",
                    "kind": "BlenderSessionClass",
                    "metadata": {"name": name},
                    "spec": spec,
                }
            )
        self._kubectl.apply(self._session(STANDING, "cold"))
        self._kubectl.run("wait", "--for=condition=Ready", f"bs/{STANDING}", "--timeout=120s")
        standing = Desktop(self._kubectl, STANDING)
        login = standing.owners_login()
        answer = requests.post(f"{self._url}guacamole/api/tokens", data=login, timeout=DEADLINE_SECONDS)
        answer.raise_for_status()
        self._token = answer.json()["authToken"]
        with Tab(self._browser) as tab:
            self._whole = tab.show(self._link(standing.body)).last
            tab.compare(standing)

    def start(self, way: str, figures: Figures) -> None:
        """Start a session, open it in a tab, note the seconds of each part, and delete it."""
        self._until_quiet()
        name = f"{way}-{secrets.token_hex(3)}"
        with Tab(self._browser) as tab:
            begun, connected, ready, body = self._create(self._session(name, way))
            seen = tab.show(self._link(body))
        path = body["status"]["startup"]["path"]
        if (path == "Cold") is not (way == "cold"):
            raise SystemExit(f"The session {name} was started {path}: {body['status']['startup']}")
        if mean_difference(seen.last, self._whole) >= SAME:
            raise SystemExit(f"The tab of the session {name} came to rest with another picture than that of {CART}.")
        add(figures, begun, connection=connected, ready=ready)
        add(figures, begun, **_parts(seen))
        self._kubectl.run("delete", "bs", name, "--timeout=90s")

    def start_bare_pod(self, figures: Figures) -> None:
        """Create a pod of the same content, and note the seconds until it is ready."""
        self._until_quiet()
        standing = self._kubectl.get("pod", Desktop(self._kubectl, STANDING).name)
        spec = {key: value for key, value in standing["spec"].items() if key != "nodeName"}
        body = {"metadata": {"name": "floor"}, "spec": spec}
        path = f"api/v1/namespaces/{self._kubectl.namespace}/pods"
        with self._watch(path, "floor") as versions:
            begun = time.time()
            self._api.request("POST", path, body)
            next(None for each in versions if _condition(each, "Ready"))
            add(figures, begun, ready=time.time())
        self._kubectl.run("delete", "pod", "floor", "--now", "--timeout=90s")

    def open_again(self, figures: Figures) -> None:
        """Open a tab on the desktop that stands, and note the seconds of each part."""
        self._until_quiet()
        link = self._link(Desktop(self._kubectl, STANDING).body)
        with Tab(self._browser) as tab:
            begun = time.time()
            add(figures, begun, **_parts(tab.show(link)))

    def end(self) -> None:
        """Delete what there is."""
        self._kubectl.run("delete", "bs,bsc", "--all", "--timeout=120s")
        until("nothing is left", lambda: not self._kubectl.names(CHILDREN, MANAGED))

    def _session(self, name: str, way: str) -> dict[str, Any]:
        return manifest(name, sample=CART, owner="bench", className=way)

    def _link(self, body: dict[str, Any]) -> str:
        """Make a link that asks for no password. The token is there before: who uses the portal is signed in too."""
        return f"{body['status']['clientURL']}?token={self._token}"

    def _create(self, session: dict[str, Any]) -> tuple[float, float, float, dict[str, Any]]:
        """Create a session.

        Returns:
            When that was, when it had its connection, when it was Ready, and how it was then.
        """
        path = f"{SESSIONS}/namespaces/{self._kubectl.namespace}/blendersessions"
        connected = 0.0
        with self._watch(path, session["metadata"]["name"]) as versions:
            begun = time.time()
            self._api.request("POST", path, session)
            for each in versions:
                now = time.time()
                if not connected and _condition(each, "ConnectionReady"):
                    connected = now
                if _condition(each, "Ready"):
                    return begun, connected, now, each
        raise SystemExit("The watch ended before the session was Ready.")

    @contextmanager
    def _watch(self, path: str, name: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Watch an object that is not there yet."""
        connection = self._api.connect()
        try:
            connection.request("GET", f"/{path}?watch=1&fieldSelector=metadata.name%3D{name}")
            answer = connection.getresponse()
            yield (json.loads(line)["object"] for line in answer)
        finally:
            connection.close()

    def _until_quiet(self) -> None:
        """Wait until the pools are full, and the desktops of former runs are gone."""
        pools = sum(pool is not None for pool in POOLS.values())

        def quiet() -> bool:
            pods = self._kubectl.objects("pods")
            told = [each.get("status", {}).get("warmPool", {}) for each in self._kubectl.objects("bsc")]
            is_full = [each.get("reason") for each in told if each] == ["PoolFull"] * pools
            return is_full and len(pods) == 1 + pools and all(_condition(each, "Ready") for each in pods)

        until("the pools are full, and nothing else runs", quiet, 4 * DEADLINE_SECONDS)


def _condition(manifest: dict[str, Any], kind: str) -> bool:
    found = manifest.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in found)


def _parts(seen: Seen) -> dict[str, float]:
    return {"tunnel": seen.tunnel, "first_frame": seen.first_frame, "full_frame": seen.full_frame}


def measure(bench: Bench, runs: int) -> dict[str, Figures]:
    """Let all ways take turns, and print what each turn found."""
    turns: dict[str, Callable[[Figures], None]] = {way: partial(bench.start, way) for way in POOLS}
    turns |= {POD_FLOOR: bench.start_bare_pod, TAB_FLOOR: bench.open_again}
    figures: dict[str, Figures] = {name: {} for name in turns}
    for run in range(1, runs + 1):
        for name, turn in turns.items():
            turn(figures[name])
            found = ", ".join(f"{part} {seconds[-1]:.2f}" for part, seconds in figures[name].items())
            print(f"{run:>3} {name}: {found}", flush=True)
    return figures


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cluster", default="demo", help="name of the running cluster")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--record", action="store_true", help="keep the figures, and write docs/performance.md")
    options = parser.parse_args(arguments)
    cluster = Cluster(options.cluster)
    namespace = f"bench-{secrets.token_hex(4)}"
    kubectl = Kubectl(binaries.ensure("kubectl")["kubectl"], cluster.kubeconfig, namespace)
    load, today = os.getloadavg()[0], datetime.now(UTC)
    said = f"{options.runs} runs, {os.cpu_count()} cores, load average {load:.1f} before, on {today:%Y-%m-%d}"
    print(said, flush=True)
    kubectl.run("create", "namespace", namespace)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
            bench = Bench(cluster, kubectl, browser)
            try:
                bench.begin()
                figures = measure(bench, options.runs)
                print(table(figures))
                if options.record:
                    page.keep({"frame": {"said": said, "ways": figures}})
            finally:
                bench.end()
                browser.close()
    finally:
        kubectl.run("delete", "namespace", namespace, "--wait=false")
