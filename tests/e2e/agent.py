"""The agent of one desktop, and what a person does there by VNC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from vnc import vncdo

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.kubectl import Kubectl

PORT = 8788


@dataclass(frozen=True)
class Agent:
    """A pod, and the keys to what listens in it."""

    kubectl: Kubectl
    pod: str
    token: str
    vnc_password: str

    def ask(self, path: str, body: dict[str, object] | None = None, token: str | None = None) -> requests.Response:
        """Ask for a path; with a body, post it. Another token may be tried."""
        with self.kubectl.forwarded(f"pod/{self.pod}", PORT) as port:
            return requests.request(
                "GET" if body is None else "POST",
                f"http://127.0.0.1:{port}{path}",
                json=body,
                headers={"Authorization": f"Bearer {self.token if token is None else token}"},
                timeout=60,
            )

    def status(self) -> dict[str, Any]:
        """Ask what happens in Blender; empty while nobody answers."""
        try:
            answer = self.ask("/status")
        except requests.ConnectionError:
            return {}
        answer.raise_for_status()
        status: dict[str, Any] = answer.json()
        return status

    def give_input(self, *actions: str) -> None:
        """Move, click and type by VNC: `move`, X, Y, `click`, 1, `key`, NAME, ..."""
        self.vncdo("--delay=100", *actions)

    def vncdo(self, *arguments: str | Path) -> None:
        """Run vncdo on the desktop's VNC server: its options, and what it shall do there."""
        with self.kubectl.forwarded(f"pod/{self.pod}", 5900) as port:
            vncdo("127.0.0.1", port, self.vnc_password, *arguments)

    def run(self, script: str) -> str:
        """Run a shell script in the container, and return what it printed."""
        return self.kubectl.run("exec", self.pod, "--", "sh", "-ec", script).strip()

    def restarts(self) -> int:
        """Count the restarts of the container."""
        return int(self.kubectl.get("pod", self.pod)["status"]["containerStatuses"][0]["restartCount"])

    def log(self) -> str:
        """Read the container's log."""
        return self.kubectl.run("logs", self.pod)
