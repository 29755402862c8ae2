"""A real nginx with the proxy's configuration, as the proxy's image starts it."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from localcluster import packages
from ports import HeldPort
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = Path(__file__).parents[2] / "images" / "proxy"
BURST = 4
CONNECTIONS = 3
HERE, THERE = "192.0.2.7", "2001:db8::7"


@dataclass(frozen=True)
class Proxy:
    """A running proxy that believes what the test says about its addresses."""

    url: str

    def send(self, method: str, path: str, address: str = HERE, **headers: str) -> requests.Response:
        """Send a request that comes from an address."""
        return requests.request(
            method, self.url + path, headers={"X-Forwarded-For": address, **headers}, timeout=DEADLINE_SECONDS
        )

    def statuses(self, method: str, path: str, times: int, address: str = HERE) -> list[int]:
        """Send a request some times, one after the other, and return the statuses of the answers."""
        return [self.send(method, path, address).status_code for _ in range(times)]


@contextmanager
def started(folder: Path, upstream: int, **environment: str) -> Iterator[Proxy]:
    """Run the image's own start, with its files and its port in other places, in front of an upstream's port."""
    packages.ensure("nginx", "gettext-base")
    with HeldPort() as port:
        for file in IMAGE.iterdir():
            text = file.read_text().replace("/tmp/", f"{folder}/").replace("/etc/blender-sessions", str(folder))
            (folder / file.name).write_text(
                text.replace("listen 8080", f"listen {port.number}").replace(
                    "listen [::]:8080", f"listen [::]:{port.number}"
                )
            )
        variables = {
            "GUACAMOLE_UPSTREAM": f"127.0.0.1:{upstream}",
            "PORTAL_UPSTREAM": f"127.0.0.1:{upstream}",
            "TRUSTED_PROXIES": "127.0.0.0/8",
            "REQUESTS_PER_SECOND": "1",
            "BURST": str(BURST),
            "CONNECTIONS": str(CONNECTIONS),
        }
        process = subprocess.Popen(
            ["/bin/sh", folder / "start"],
            env={"PATH": f"{os.environ['PATH']}:/usr/sbin"} | variables | environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            until("nginx listens", lambda: process.poll() is not None or listens(port.number))
            assert process.poll() is None, "nginx did not start"
            yield Proxy(f"http://127.0.0.1:{port.number}")
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


def listens(port: int) -> bool:
    """Return whether a server listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
