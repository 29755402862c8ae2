"""What lifecycle tests play with: the operator's process, a Guacamole that can be away, and the kubelet's part."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from apiserver.api import SESSIONS, ApiError
from blendersessions.model.names import name_for
from ports import HeldPort
from status_watch import StatusWatch
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.api import Api

ROOT = Path(__file__).parents[2]
GROUP = "blender-sessions"
CHILDREN = ("pods", "services", "secrets", "persistentvolumeclaims")
FOREVER = 10**9
Object = dict[str, Any]


@contextlib.contextmanager
def gone_is_fine() -> Iterator[None]:
    """Go on when an object is gone that was there a moment ago: the operator works at the same time."""
    try:
        yield
    except ApiError as error:
        if error.status != requests.codes.not_found:
            raise


class DirectDoor:
    """The way to Guacamole when nothing stands in between that could be shut."""

    def __init__(self, url: str) -> None:
        self.url = url


class Door:
    """A way to Guacamole on one fixed port that can be shut: then connections are refused, and open ones end."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._port = HeldPort()
        self._listener = self._listen()
        self.url = f"http://127.0.0.1:{self._port.number}{self._target.path}"
        self.answered = FOREVER
        """How many more answers pass before the door shuts by itself, with the request carried out behind it."""
        self._serve()

    def shut(self) -> None:
        """Refuse what comes, and end what runs."""
        with self._lock:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            for each in list(self._sockets):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let everything through again."""
        self.answered = FOREVER
        self._listener = self._listen()
        self._serve()

    def close(self) -> None:
        """Shut it for good, and give the port back."""
        self.shut()
        self._port.release()

    def _listen(self) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port.number))
        listener.listen(64)
        return listener

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((self._target.hostname or "", self._target.port or 80))
            with self._lock:
                if listener is not self._listener or listener.fileno() < 0:
                    # The door was shut while this one came through.
                    client.close()
                    server.close()
                    return
                self._sockets |= {client, server}
            for source, sink, counts in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, sink, counts), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if counts:
                    if self.answered <= 0:
                        break
                    self.answered -= 1
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.discard(source)
        source.close()


class GuacamoleAdmin:
    """Guacamole as its administrator sees it, straight from it and past the door."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._http = requests.Session()
        self._url = url
        answer = self._http.post(
            url + "api/tokens", data={"username": username, "password": password}, timeout=DEADLINE_SECONDS
        )
        self.source = answer.json()["dataSource"]
        self._http.headers["Guacamole-Token"] = answer.json()["authToken"]
        self._data = f"{url}api/session/data/{self.source}/"

    def get(self, path: str) -> Any:  # noqa: ANN401 - decoded JSON
        """Read something of the data source; None when it does not exist."""
        answer = self._http.get(self._data + path, timeout=DEADLINE_SECONDS)
        return None if answer.status_code == requests.codes.not_found else answer.json()

    def send(self, method: str, path: str, body: object = None) -> None:
        """Change something."""
        answer = self._http.request(method, self._data + path, json=body, timeout=DEADLINE_SECONDS)
        assert answer.ok, answer.text

    def connections(self) -> dict[str, Object]:
        """All connections by identifier, with names."""
        return dict(self.get("connections"))

    def named(self, name: str) -> list[Object]:
        """The connections of one name."""
        return [each for each in self.connections().values() if each["name"] == name]

    def users(self) -> set[str]:
        """All users but the administrator."""
        return set(self.get("users")) - {"guacadmin"}

    def can_log_in(self, username: str, password: str) -> bool:
        """Whether a person gets in with these."""
        answer = requests.post(
            self._url + "api/tokens", data={"username": username, "password": password}, timeout=DEADLINE_SECONDS
        )
        return answer.ok

    def close(self) -> None:
        """Give the sockets back."""
        self._http.close()


@dataclass
class Stage:
    """One test's world: a namespace, a Guacamole behind a door, and an operator that serves both.

    From its beginning to its `end` every status that is written in it is held to the rules.
    """

    api: Api
    namespace: str
    door: Door
    guacamole: GuacamoleAdmin
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    health_port: HeldPort = field(default_factory=HeldPort)
    statuses: StatusWatch = field(init=False)

    def __post_init__(self) -> None:
        self.statuses = StatusWatch(self.api, self.namespace)

    def end(self) -> int:
        """End the operator in order, and with it the watch of what it writes; return the operator's exit code."""
        try:
            return self.stop()
        finally:
            self.statuses.end()
            self.health_port.release()

    def start(self) -> None:
        """Start the operator's process."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = inherited | {
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("lib", "operator")),
            "KUBECONFIG": str(self.api.kubeconfig),
            "BLENDERSESSIONS_GUACAMOLE_URL": self.door.url,
            "BLENDERSESSIONS_GUACAMOLE_USERNAME": "guacadmin",
            "BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE": str(self.folder / "password"),
            "BLENDERSESSIONS_PUBLIC_URL": "https://desk.example/",
            "BLENDERSESSIONS_BLENDER_IMAGE": "blender-sessions/blender:test",
            "BLENDERSESSIONS_NAMESPACES": self.namespace,
            "BLENDERSESSIONS_HEALTH_PORT": str(self.health_port.number),
            "BLENDERSESSIONS_METRICS_PORT": "0",
            "BLENDERSESSIONS_RESYNC_SECONDS": "1",
            "BLENDERSESSIONS_ACTIVITY_SECONDS": "1",
            "BLENDERSESSIONS_LOG_LEVEL": "DEBUG",
        }
        with (self.folder / "operator.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error::ResourceWarning", "-m", "blendersessions_operator"],
                env=environment | self.settings,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def stop(self, *, kill: bool = False) -> int:
        """End the operator in order, or by SIGKILL; return its exit code."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            return process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    @property
    def log(self) -> str:
        """What the operator has logged so far."""
        return (self.folder / "operator.log").read_text()

    def write_password(self, password: str) -> None:
        """Set the administrator's password that the operator uses."""
        (self.folder / "password").write_text(password + "\n")

    def create(self, name: str = "cart", **spec: object) -> Object:
        """Create a session."""
        return dict(self.api.create_session(self.namespace, {"metadata": {"name": name}, "spec": spec}))

    def session(self, name: str = "cart") -> Object | None:
        """Read a session; None when it is gone."""
        return self._get(f"{SESSIONS}/namespaces/{self.namespace}/blendersessions/{name}")

    def delete(self, name: str = "cart") -> None:
        """Delete a session."""
        self.api.request("DELETE", f"{SESSIONS}/namespaces/{self.namespace}/blendersessions/{name}")

    def patch(self, name: str, patch: Object) -> None:
        """Change a session."""
        path = f"{SESSIONS}/namespaces/{self.namespace}/blendersessions/{name}"
        self.api.request("PATCH", path, patch, "application/merge-patch+json")

    def child(self, plural: str, name: str) -> Object | None:
        """Read one of the objects in the namespace; None when it does not exist."""
        return self._get(f"api/v1/namespaces/{self.namespace}/{plural}/{name}")

    def children(self) -> list[str]:
        """List what is in the namespace besides sessions, as `plural/name`."""
        found = []
        for plural in CHILDREN:
            items: Any = self.api.request("GET", f"api/v1/namespaces/{self.namespace}/{plural}")["items"]
            found += [f"{plural}/{item['metadata']['name']}" for item in items]
        return found

    def create_class(self, name: str, **spec: object) -> None:
        """Create a class."""
        body = {"apiVersion": "blendersessions.io/v1alpha1", "kind": "BlenderSessionClass", "metadata": {"name": name}}
        path = f"{SESSIONS}/namespaces/{self.namespace}/blendersessionclasses"
        self.api.request("POST", path, body | {"spec": spec}, fieldValidation="Strict")

    def patch_class(self, name: str, spec: Object) -> None:
        """Change a class."""
        path = f"{SESSIONS}/namespaces/{self.namespace}/blendersessionclasses/{name}"
        self.api.request("PATCH", path, {"spec": spec}, "application/merge-patch+json")

    def delete_child(self, plural: str, name: str) -> None:
        """Delete one object by hand. A volume's claim has a finalizer that nobody here takes off."""
        path = f"api/v1/namespaces/{self.namespace}/{plural}/{name}"
        self.api.request("DELETE", path)
        if plural == "persistentvolumeclaims":
            self.api.request("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")

    def set_pod_status(self, name: str, status: Object) -> None:
        """Report on a pod, as the kubelet does."""
        path = f"api/v1/namespaces/{self.namespace}/pods/{name}/status"
        self.api.request("PATCH", path, {"status": status}, "application/merge-patch+json")

    def set_status(self, name: str, status: Object) -> None:
        """Change a session's status, as nobody but the operator does."""
        path = f"{SESSIONS}/namespaces/{self.namespace}/blendersessions/{name}/status"
        self.api.request("PATCH", path, {"status": status}, "application/merge-patch+json")

    def run_pod(self, session: Object, address: str = "127.0.0.99") -> None:
        """Let the session's pod run and be ready at an address, once there is one."""
        name = name_for(session["metadata"]["uid"])
        until("the pod is made", lambda: self.child("pods", name))
        self.set_pod_status(
            name,
            {
                "phase": "Running",
                "podIP": address,
                "podIPs": [{"ip": address}],
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        )

    def condition(self, kind: str, name: str = "cart") -> Object:
        """Read one condition of a session; empty when it has none."""
        session = self.session(name) or {}
        for entry in session.get("status", {}).get("conditions", []):
            if entry["type"] == kind:
                return dict(entry)
        return {}

    def until_reason(self, kind: str, reason: str, name: str = "cart") -> Object:
        """Wait until a condition has this reason."""

        def probe() -> Object:
            found = self.condition(kind, name)
            return found if found.get("reason") == reason else {}

        return until(lambda: f"{kind} of {name} says {reason}; it says {self.condition(kind, name)}", probe)

    def until_ready(self, name: str = "cart") -> Object:
        """Wait until a session is ready, and return it."""
        until(
            lambda: f"{name} is ready; it says {self.condition('Ready', name)}",
            lambda: self.condition("Ready", name).get("status") == "True",
        )
        found = self.session(name)
        assert found is not None
        return found

    def until_gone(self, name: str = "cart") -> None:
        """Wait until a session is gone."""
        until(f"{name} is gone", lambda: self.session(name) is None)

    def ready(self, name: str = "cart", **spec: object) -> Object:
        """Create a session and bring it to readiness."""
        self.run_pod(self.create(name, **spec))
        return self.until_ready(name)

    def collect_garbage(self) -> None:
        """Delete what no living session owns any more, as the garbage collector does."""
        alive = {item["metadata"]["uid"] for item in self.sessions()}
        for plural in CHILDREN:
            items: Any = self.api.request("GET", f"api/v1/namespaces/{self.namespace}/{plural}")["items"]
            for item in items:
                owners = {owner["uid"] for owner in item["metadata"].get("ownerReferences", [])}
                if owners and not owners & alive:
                    with gone_is_fine():
                        self.delete_child(plural, item["metadata"]["name"])

    def sessions(self) -> list[Object]:
        """List the sessions."""
        items: Any = self.api.request("GET", f"{SESSIONS}/namespaces/{self.namespace}/blendersessions")["items"]
        return list(items)

    def strike(self) -> None:
        """Delete all sessions, and check that nothing is left of them on either side."""
        sessions = self.sessions()
        for session in sessions:
            self.delete(session["metadata"]["name"])
        for session in sessions:
            self.until_gone(session["metadata"]["name"])
        self.collect_garbage()
        assert self.children() == []
        assert self.guacamole.get("connections") == {}
        assert self.guacamole.users() == set()
        self.api.request("DELETE", f"api/v1/namespaces/{self.namespace}/events")

    def events(self, name: str = "cart") -> list[tuple[str, str, str]]:
        """List the Events on a session, not those on an earlier one of its name: type, reason, message."""
        session = self.session(name)
        uid = session["metadata"]["uid"] if session is not None else ""
        chosen = f"fieldSelector=involvedObject.uid={uid}"
        items: Any = self.api.request("GET", f"api/v1/namespaces/{self.namespace}/events?{chosen}")["items"]
        return [(item["type"], item["reason"], item["message"]) for item in items]

    def _get(self, path: str) -> Object | None:
        try:
            return dict(self.api.request("GET", path))
        except ApiError as error:
            if error.status != requests.codes.not_found:
                raise
            return None
