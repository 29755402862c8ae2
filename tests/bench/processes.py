"""The two programs beside the control plane: the operator as production runs it, and the stand-in for Guacamole."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from apiserver.guacamole_admin import GuacamoleAdmin
from chart.rendering import ROOT
from contract.standins import ADMIN, PASSWORD, Guacamole
from ports import HeldPort
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024
_COUNT = re.compile(r"^blendersessions_request_seconds_count\{(?P<labels>[^}]*)\} (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def _start(module: str, settings: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    path = os.pathsep.join([str(ROOT / "lib"), str(ROOT / "operator"), str(ROOT / "local" / "guacamole")])
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", module],
            env=inherited | {"PYTHONPATH": path} | settings,
            cwd=log.parent,
            stdout=out,
            stderr=out,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@contextmanager
def standin(folder: Path) -> Iterator[Guacamole]:
    """Run an empty stand-in in a process of its own, on loopback."""
    password = folder / "guacamole-password"
    password.write_text(PASSWORD)
    with HeldPort() as port:
        settings = {
            "STANDIN_ADMIN_USERNAME": ADMIN,
            "STANDIN_ADMIN_PASSWORD_FILE": str(password),
            "STANDIN_HOST": "127.0.0.1",
            "STANDIN_PORT": str(port.number),
        }
        process = _start("standin", settings, folder / "standin.log")
        try:
            until("the stand-in answers", lambda: _listens(port.number))
            yield Guacamole(f"http://127.0.0.1:{port.number}/guacamole/", ADMIN, PASSWORD)
        finally:
            _end(process)


@contextmanager
def administrator(guacamole: Guacamole) -> Iterator[GuacamoleAdmin]:
    """Sign in as the administrator, to read connections and users."""
    admin = GuacamoleAdmin(guacamole.url, guacamole.username, guacamole.password)
    try:
        yield admin
    finally:
        admin.close()


@dataclass
class Operator:
    """The operator's process, with the defaults of its settings."""

    kubeconfig: Path
    guacamole: Guacamole
    folder: Path
    health_port: HeldPort = field(default_factory=HeldPort)
    metrics_port: HeldPort = field(default_factory=HeldPort)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, without waiting for it."""
        password = self.folder / "password"
        password.write_text(self.guacamole.password)
        settings = {
            "KUBECONFIG": str(self.kubeconfig),
            "BLENDERSESSIONS_GUACAMOLE_URL": self.guacamole.url,
            "BLENDERSESSIONS_GUACAMOLE_USERNAME": self.guacamole.username,
            "BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE": str(password),
            "BLENDERSESSIONS_PUBLIC_URL": "https://desk.example/",
            "BLENDERSESSIONS_BLENDER_IMAGE": "blender-sessions/blender:bench",
            "BLENDERSESSIONS_HEALTH_PORT": str(self.health_port.number),
            "BLENDERSESSIONS_METRICS_PORT": str(self.metrics_port.number),
        }
        self.process = _start("blendersessions_operator", settings, self.log)

    def stop(self) -> None:
        """End it in order."""
        process, self.process = self.process, None
        if process is not None:
            _end(process)

    @property
    def log(self) -> Path:
        """The file that it logs to."""
        return self.folder / "operator.log"

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used since its start, in user and in system mode."""
        times = self._psutil().cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Return its resident memory in MiB."""
        return float(self._psutil().memory_info().rss / MIB)

    def requests(self) -> dict[str, int]:
        """Return how many requests it has sent, by `system method resource`; without Kopf's own watches."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port.number}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        counts: dict[str, int] = {}
        for found in _COUNT.finditer(text):
            labels = dict(_LABEL.findall(found["labels"]))
            counts[f"{labels['system']} {labels['method']} {labels['resource']}"] = int(float(found["value"]))
        return counts

    def _psutil(self) -> psutil.Process:
        assert self.process is not None, "the operator does not run"
        return psutil.Process(self.process.pid)


@contextmanager
def operator(kubeconfig: Path, guacamole: Guacamole, folder: Path) -> Iterator[Operator]:
    """Run the operator until the block ends."""
    running = Operator(kubeconfig, guacamole, folder)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        running.health_port.release()
        running.metrics_port.release()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
