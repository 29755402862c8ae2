"""An installation under test: the operator's process, a Guacamole that can be cut off, and what the kubelet reports."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from apiserver.api import SESSIONS, ApiError
from apiserver.guacamole_admin import GuacamoleAdmin
from apiserver.operator_process import OperatorProcess
from apiserver.tcp_proxy import TcpProxy
from blendersessions.model.names import name_for
from contract.standins import running
from ports import HeldPort
from status_watch import StatusWatch
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.api import Api

GROUP = "blender-sessions"
CHILDREN = ("pods", "services", "secrets", "persistentvolumeclaims")
Object = dict[str, Any]


def desktop_name(session: Object) -> str:
    """Return the name of a session's pod, Service, Secret and connection."""
    return name_for(session["metadata"]["uid"])


@contextlib.contextmanager
def ignoring_not_found() -> Iterator[None]:
    """Ignore that an object is gone: the operator works at the same time."""
    try:
        yield
    except ApiError as error:
        if error.status != requests.codes.not_found:
            raise


@dataclass
class Installation:
    """A namespace, a Guacamole behind a proxy, and the operator's process that serves both.

    Every status that the operator writes is checked against the rules, from the beginning until `end`.
    """

    api: Api
    namespace: str
    tcp_proxy: TcpProxy
    guacamole: GuacamoleAdmin
    folder: Path
    process: OperatorProcess | None = None
    settings: dict[str, str] = field(default_factory=dict)
    health_port: HeldPort = field(default_factory=HeldPort)
    statuses: StatusWatch = field(init=False)

    def __post_init__(self) -> None:
        self.statuses = StatusWatch(self.api, self.namespace)

    def end(self) -> int:
        """End the operator in order, and the watch on its statuses; return the operator's exit code."""
        try:
            return self.stop()
        finally:
            self.statuses.end()
            self.health_port.release()

    def start(self) -> None:
        """Start the operator's process."""
        self.process = self.launch("operator", self.health_port)

    def launch(self, name: str, health_port: HeldPort, settings: dict[str, str] | None = None) -> OperatorProcess:
        """Start a process of the operator, and return it.

        Args:
            name: the name of its log.
            health_port: where it says that it is alive.
            settings: environment variables beside the installation's.
        """
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = inherited | {
            "KUBECONFIG": str(self.api.kubeconfig),
            "BLENDERSESSIONS_GUACAMOLE_URL": self.tcp_proxy.url,
            "BLENDERSESSIONS_GUACAMOLE_USERNAME": "guacadmin",
            "BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE": str(self.folder / "password"),
            "BLENDERSESSIONS_PUBLIC_URL": "https://desk.example/",
            "BLENDERSESSIONS_BLENDER_IMAGE": "blender-sessions/blender:test",
            "BLENDERSESSIONS_NAMESPACES": self.namespace,
            "BLENDERSESSIONS_HEALTH_PORT": str(health_port.number),
            "BLENDERSESSIONS_METRICS_PORT": "0",
            "BLENDERSESSIONS_RESYNC_SECONDS": "1",
            "BLENDERSESSIONS_ACTIVITY_SECONDS": "1",
            "BLENDERSESSIONS_LOG_LEVEL": "DEBUG",
        }
        environment |= self.settings | (settings or {})
        return OperatorProcess(environment, self.folder, self.folder / f"{name}.log")

    def stop(self, *, kill: bool = False) -> int:
        """End the operator in order, or by SIGKILL; return its exit code."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        return process.wait()

    @property
    def log(self) -> str:
        """What all processes of the operator have logged so far."""
        return "".join(log.read_text() for log in sorted(self.folder.glob("*.log")))

    def write_password(self, password: str) -> None:
        """Set the administrator's password that the operator uses."""
        (self.folder / "password").write_text(password + "\n")

    def create(self, name: str = "cart", **spec: object) -> Object:
        """Create a session."""
        return dict(self.api.create_session(self.namespace, {"metadata": {"name": name}, "spec": spec}))

    def create_in_a_later_second(self, former: Object, name: str, **spec: object) -> Object:
        """Create a session that is younger than a former one. The API server records a creation in whole seconds."""

        def probe() -> Object:
            created = self.create(name, **spec)
            if created["metadata"]["creationTimestamp"] > former["metadata"]["creationTimestamp"]:
                return created
            self.delete(name)
            self.until_gone(name)
            return {}

        return until(f"{name} is younger than {former['metadata']['name']}", probe)

    def session(self, name: str = "cart") -> Object | None:
        """Read a session; None when it is gone."""
        return self._get(f"{SESSIONS}/namespaces/{self.namespace}/blendersessions/{name}")

    def status(self, name: str = "cart") -> Object:
        """Read a session's status; empty when it has none or is gone."""
        return dict((self.session(name) or {}).get("status", {}))

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
        return [f"{plural}/{item['metadata']['name']}" for plural in CHILDREN for item in self.listed(plural)]

    def listed(self, plural: str, **query: str) -> list[Object]:
        """List the objects of one of Kubernetes' own kinds."""
        return self._items(f"api/v1/namespaces/{self.namespace}/{plural}", **query)

    def pods(self) -> list[Object]:
        """List the pods."""
        return self.listed("pods")

    def create_class(self, name: str, **spec: object) -> None:
        """Create a class."""
        body = {"apiVersion": "blendersessions.io/v1alpha1", "kind": "BlenderSessionClass", "metadata": {"name": name}}
        path = f"{SESSIONS}/namespaces/{self.namespace}/blendersessionclasses"
        self.api.request("POST", path, body | {"spec": spec}, fieldValidation="Strict")

    def patch_class(self, name: str, spec: Object) -> None:
        """Change a class."""
        path = f"{SESSIONS}/namespaces/{self.namespace}/blendersessionclasses/{name}"
        self.api.request("PATCH", path, {"spec": spec}, "application/merge-patch+json")

    def create_claim(self, name: str, allowed: str, **metadata: object) -> None:
        """Create a volume claim that allows these owners, separated by commas."""
        annotations = {"blendersessions.io/workspace-for": allowed} if allowed else {}
        body = {
            "metadata": {"name": name, "annotations": annotations} | metadata,
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        self.api.request("POST", f"api/v1/namespaces/{self.namespace}/persistentvolumeclaims", body)

    def delete_child(self, plural: str, name: str) -> None:
        """Delete one object by hand. No controller here removes the finalizer of a volume claim."""
        path = f"api/v1/namespaces/{self.namespace}/{plural}/{name}"
        self.api.request("DELETE", path)
        if plural == "persistentvolumeclaims":
            self.api.request("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")

    def set_pod_status(self, name: str, status: Object) -> None:
        """Report on a pod, as the kubelet does."""
        path = f"api/v1/namespaces/{self.namespace}/pods/{name}/status"
        self.api.request("PATCH", path, {"status": status}, "application/merge-patch+json")

    def set_status(self, name: str, status: Object) -> None:
        """Change a session's status in the operator's place."""
        path = f"{SESSIONS}/namespaces/{self.namespace}/blendersessions/{name}/status"
        self.api.request("PATCH", path, {"status": status}, "application/merge-patch+json")

    def run_pod(self, session: Object, address: str = "127.0.0.99", *, ready: bool = True) -> None:
        """Report the session's pod as running at an address, and as ready or not, once the pod exists."""
        name = name_for(session["metadata"]["uid"])
        until("the pod is made", lambda: self.child("pods", name))
        status: Object = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        }
        if not ready:
            running = {"name": "blender", "image": "blender-sessions/blender:test", "imageID": "", "restartCount": 0}
            running |= {"ready": False, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
            status["containerStatuses"] = [running]
        self.set_pod_status(name, status)

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

        return until(lambda: f"{kind} of {name} has the reason {reason}; it is {self.condition(kind, name)}", probe)

    def until_ready(self, name: str = "cart") -> Object:
        """Wait until a session is ready, and return it."""
        until(
            lambda: f"{name} is ready; it is {self.condition('Ready', name)}",
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
        """Delete the objects whose owners are gone, as the garbage collector does."""
        for plural in CHILDREN:
            items = self.listed(plural)
            # Owners are listed after what they own, or those that were made meanwhile would seem to be gone.
            alive = {each["metadata"]["uid"] for each in [*self.pods(), *self.sessions(), *self.classes()]}
            for item in items:
                owners = {owner["uid"] for owner in item["metadata"].get("ownerReferences", [])}
                if owners and not owners & alive:
                    with ignoring_not_found():
                        self.delete_child(plural, item["metadata"]["name"])

    def sessions(self) -> list[Object]:
        """List the sessions."""
        return self._items(f"{SESSIONS}/namespaces/{self.namespace}/blendersessions")

    def classes(self) -> list[Object]:
        """List the classes."""
        return self._items(f"{SESSIONS}/namespaces/{self.namespace}/blendersessionclasses")

    def delete_class(self, name: str) -> None:
        """Delete a class."""
        self.api.request("DELETE", f"{SESSIONS}/namespaces/{self.namespace}/blendersessionclasses/{name}")

    def delete_all_and_assert_nothing_left(self) -> None:
        """Delete all sessions, and check that nothing of them is left in Kubernetes or in Guacamole."""
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
        """List the Events on a session, without those on an earlier one of its name: type, reason, message."""
        session = self.session(name)
        uid = session["metadata"]["uid"] if session is not None else ""
        items = self.listed("events", fieldSelector=f"involvedObject.uid={uid}")
        return [(item["type"], item["reason"], item["message"]) for item in items]

    def _items(self, path: str, **query: str) -> list[Object]:
        items: Any = self.api.request("GET", path, **query)["items"]
        return list(items)

    def _get(self, path: str) -> Object | None:
        try:
            return dict(self.api.request("GET", path))
        except ApiError as error:
            if error.status != requests.codes.not_found:
                raise
            return None


@contextlib.contextmanager
def installed(api: Api, folder: Path) -> Iterator[Installation]:
    """Make an installation with an empty Guacamole; at the end, check that the operator stopped in order.

    The operator is not started. Its log must hold no traceback, and its statuses must keep to the rules.
    """
    with running() as guacamole:
        tcp_proxy = TcpProxy(guacamole.url)
        admin = GuacamoleAdmin(guacamole.url, guacamole.username, guacamole.password)
        installation = Installation(api, api.create_namespace(), tcp_proxy, admin, folder)
        installation.write_password(guacamole.password)
        try:
            yield installation
        finally:
            code = installation.end()
            tcp_proxy.close()
            admin.close()
            assert code == 0, f"the operator did not end in order: {code}\n{installation.log[-4000:]}"
        assert "Traceback" not in installation.log, installation.log
        installation.statuses.check()
