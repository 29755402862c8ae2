"""kubectl, as a person uses it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANAGED = "--selector=app.kubernetes.io/managed-by=blender-sessions"
CHILDREN = "pods,services,secrets"
"""What there is of a desktop, if `MANAGED` selects it."""
TIMEOUT = f"--timeout={DEADLINE_SECONDS:.0f}s"
"""For what kubectl waits for."""


@dataclass(frozen=True)
class Kubectl:
    """The client of one cluster, in one namespace."""

    binary: Path
    kubeconfig: Path
    namespace: str

    def run(self, *args: str, stdin: str | None = None) -> str:
        """Run a command and return what it printed; raise with what it complained of."""
        done = subprocess.run(
            [self.binary, f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects."""
        self.run("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Read one object."""
        answer: dict[str, Any] = json.loads(self.run("get", kind, name, "-o", "json"))
        return answer

    def objects(self, kind: str, *args: str) -> list[dict[str, Any]]:
        """Read all objects of a kind."""
        items: list[dict[str, Any]] = json.loads(self.run("get", kind, "-o", "json", *args))["items"]
        return items

    def names(self, kind: str, *args: str) -> list[str]:
        """List objects as kind/name."""
        return self.run("get", kind, "-o", "name", *args).split()

    @contextlib.contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[int]:
        """Forward a loopback port to a pod or Service while the block runs, and yield that port."""
        forward = subprocess.Popen(
            [
                self.binary,
                f"--kubeconfig={self.kubeconfig}",
                f"--namespace={self.namespace}",
                "port-forward",
                target,
                f":{port}",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        with forward:
            assert forward.stdout is not None
            line = forward.stdout.readline()
            try:
                assert line.startswith("Forwarding from 127.0.0.1:"), f"kubectl port-forward {target}: {line!r}"
                yield int(line.split("127.0.0.1:")[1].split()[0])
            finally:
                forward.terminate()
