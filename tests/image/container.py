"""One container of the Blender image, run by runc as the kubelet and containerd would run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import requests

from e2e.picture import settled
from image.bundle import HOST_NAME, write_bundle
from image.inside import FOLDER_TARGET, SCRIPT, SCRIPT_NAME, Inside
from image.viewer import Viewer
from vnc import vncdo
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from PIL import Image

    from image.built import BuiltImage
    from image.network import Network
    from image.volumes import Identity, Volumes

AGENT_PORT = 8788
VNC_PORT = 5900


@dataclass(frozen=True)
class Exit:
    """How a container ended: its exit code, and what it wrote to /dev/termination-log."""

    code: int
    message: str

    @property
    def reason(self) -> str:
        """The reason in the message, which has to be the agreed JSON object."""
        return str(json.loads(self.message)["reason"])


@dataclass(frozen=True)
class Process:
    """A process in a container."""

    pid: int
    """Its number on this machine."""
    command: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Agent:
    """The agent of one container."""

    url: str
    token: str

    def get(self, path: str) -> requests.Response:
        """Ask for a path."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict[str, object] | None = None) -> requests.Response:
        """Post a body, by default an empty object."""
        return self._ask("POST", path, body or {})

    def send(self, method: str, path: str, content: bytes | IO[bytes] | None = None) -> requests.Response:
        """Send a file, or ask for one, which is not read before it is used."""
        return requests.request(
            method, self.url + path, data=content, headers=self._headers(), timeout=DEADLINE_SECONDS, stream=True
        )

    def head(self, method: str, path: str, *headers: str) -> bytes:
        """Write the head of a request, for a client that goes its own ways."""
        own = [f"{name}: {value}" for name, value in self._headers().items()]
        return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: desktop", *own, *headers, "", ""]).encode()

    def _ask(self, method: str, path: str, body: dict[str, object] | None) -> requests.Response:
        return requests.request(method, self.url + path, json=body, headers=self._headers(), timeout=DEADLINE_SECONDS)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Container:
    """A container that can be started again with its volumes.

    Args:
        folder: its own folder. The container and its control group have the folder's name.
        image: what it runs.
        network: its network.
        volumes: its volumes.
        environment: what the pod sets.
        read_only: files and folders that the container cannot change, by their path in it.
        memory: the memory limit in bytes.
        identity: the user that it runs as.
        processors: how many it may use; all if None.
    """

    def __init__(
        self,
        folder: Path,
        image: BuiltImage,
        network: Network,
        volumes: Volumes,
        environment: Mapping[str, str],
        read_only: Mapping[str, Path],
        memory: int,
        identity: Identity,
        processors: int | None = None,
    ) -> None:
        self._folder = folder
        self._image = image
        self._network = network
        self._volumes = volumes
        self._environment = environment
        self._read_only = read_only
        self._memory = memory
        self._identity = identity
        self._processors = processors
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._inside = Inside(folder / "tests")
        self._inside.folder.mkdir()
        os.chown(self._inside.folder, identity.user, identity.group)
        self._hosts = folder / "hosts"
        self._hosts.write_text(f"127.0.0.1 localhost\n{network.address} {HOST_NAME}\n")
        self._termination_log = folder / "termination-log"
        self.address = network.address
        self.host_address = network.host_address
        self.home = volumes.home
        self.tmp = volumes.tmp
        self.agent = Agent(f"http://{self.address}:{AGENT_PORT}", volumes.agent_token)

    @property
    def name(self) -> str:
        """The container's name."""
        return self._folder.name

    def start(self) -> None:
        """Start the container. It may not run."""
        assert self._process is None, f"The container {self.name} has not ended."
        self._termination_log.write_text("")
        self._termination_log.chmod(0o666)
        write_bundle(
            self._folder,
            self._image,
            self._network,
            self._identity,
            environment=self._environment,
            writable=self._volumes.mounts
            | {"/dev/termination-log": self._termination_log, FOLDER_TARGET: self._inside.folder},
            read_only={
                "/run/secrets/desktop": self._volumes.secret,
                "/etc/hosts": self._hosts,
                f"{self._image.startup_scripts}/{SCRIPT_NAME}": SCRIPT,
            }
            | self._read_only,
            memory=self._memory,
            processors=self._processors,
        )
        self._starts += 1
        with self._log_file().open("wb") as log:
            self._process = subprocess.Popen(
                self._runc("run", f"--bundle={self._folder}", self.name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start_again(self, *, new_pod: bool = False) -> None:
        """Start the container again after it ended, or end it first by SIGTERM.

        Args:
            new_pod: whether it is another pod with the same home folder. Else it is the kubelet's restart of the
                container, which keeps all volumes.
        """
        if self._process is not None:
            if self._process.poll() is None:
                self.signal("TERM")
            self.exit()
        if new_pod:
            self._volumes.empty()
        self.start()

    def exit(self) -> Exit:
        """Wait until the container has ended, and return how."""
        assert self._process is not None, f"The container {self.name} was not started."
        process = self._process
        until(f"the container {self.name} has ended", lambda: process.poll() is not None)
        self._process = None
        return Exit(process.returncode, self._termination_log.read_text())

    def remove(self) -> None:
        """End the container at once, and remove what it had outside its folder."""
        if self._process is not None:
            subprocess.run(self._runc("delete", "--force", self.name), check=False, capture_output=True)
            self._process.wait()
        self._volumes.unmount()
        self._network.remove()

    def status(self) -> dict[str, Any]:
        """Ask the agent what happens; empty while it does not answer."""
        try:
            answer = self.agent.get("/status")
        except requests.ConnectionError:
            return {}
        answer.raise_for_status()
        status: dict[str, Any] = answer.json()
        return status

    def wait_ready(self) -> None:
        """Wait until the scene is on screen."""

        def is_ready() -> bool:
            process = self._process
            assert process is not None, f"The container {self.name} has ended."
            assert process.poll() is None, f"The container {self.name} ended: {self.exit()}\n{self.log()}"
            try:
                return self.agent.get("/readyz").status_code == requests.codes.ok
            except requests.ConnectionError:
                return False

        until(lambda: f"the container {self.name} is ready; its log:\n{self.log()}", is_ready)

    def vnc(self, *actions: str | Path) -> None:
        """Do by VNC what vncdo knows: `move`, X, Y, `click`, 1, `key`, NAME, ..."""
        vncdo(self.address, VNC_PORT, self._volumes.vnc_password, "--delay=100", *actions)

    def viewer(self) -> AbstractContextManager[Viewer]:
        """Log in by VNC, for the block."""
        return Viewer.connected(self.address, VNC_PORT, self._volumes.vnc_password)

    def screenshot(self, path: Path) -> Image.Image:
        """Save a picture of the screen, once two in a row are alike, and return it."""
        return settled(self.vnc, path)

    def blender(self, code: str, seconds: float = DEADLINE_SECONDS) -> Any:  # noqa: ANN401 - what JSON can hold
        """Run Python on Blender's main thread, and return what its last expression gives.

        Args:
            code: statements. `bpy` is there.
            seconds: the deadline.
        """
        return self._inside.run(code, seconds)

    def blender_begin(self, code: str) -> None:
        """Run Python on Blender's main thread, and return as soon as it begins."""
        self._inside.begin(code)

    def computing(self) -> AbstractContextManager[None]:
        """Keep Blender's main thread computing during the block, without ever giving up Python's lock."""
        return self._inside.computing()

    def run(self, script: str) -> str:
        """Run a shell script in the container as its user, and return what it printed."""
        command = self._runc("exec", self.name, "sh", "-ec", script)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def log(self) -> str:
        """Return what the container printed since its last start."""
        return self._log_file().read_text(errors="replace")

    def wait_log(self, text: str) -> None:
        """Wait until the container has printed a text since its last start. The agent prints each notice."""
        until(lambda: f"{text!r} is in the log of {self.name}:\n{self.log()}", lambda: text in self.log())

    def signal(self, name: str) -> None:
        """Send a signal to the container's first process: `TERM`."""
        subprocess.run(self._runc("kill", self.name, name), check=True)

    def processes(self) -> list[Process]:
        """Return the container's processes; none while runc still creates it."""
        done = subprocess.run(self._runc("ps", "--format=json", self.name), capture_output=True, check=False)
        pids = json.loads(done.stdout) or [] if done.returncode == 0 else []
        return [process for pid in pids if (process := _process(pid))]

    def pid(self, name: str) -> int:
        """Return the number of the only process with this name, or with this word among its arguments."""
        found = [each.pid for each in self.processes() if name == each.command or name in each.arguments]
        assert len(found) == 1, f"{len(found)} processes of {self.name} are called {name}: {self.processes()}"
        return found[0]

    def wait_replaced(self, name: str, former: int) -> int:
        """Wait until another process has this name, and return its number."""

        def find() -> int:
            found = {each.pid for each in self.processes() if name == each.command or name in each.arguments}
            return found.pop() if len(found) == 1 and former not in found else 0

        return until(lambda: f"another {name} runs in {self.name}; its log:\n{self.log()}", find)

    def kill_process(self, name: str, signal_name: str = "KILL") -> None:
        """Send a signal to one process, as `pid` finds it."""
        os.kill(self.pid(name), signal.Signals[f"SIG{signal_name}"])

    def _runc(self, *arguments: str) -> list[str]:
        return ["runc", f"--root={self._folder.parent / 'runc'}", *arguments]

    def _log_file(self) -> Path:
        return self._folder / f"log{self._starts}"


def _process(pid: int) -> Process | None:
    """Describe a process; None if it has ended."""
    try:
        command = Path(f"/proc/{pid}/comm").read_text().strip()
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Process(pid, command, tuple(arguments))
