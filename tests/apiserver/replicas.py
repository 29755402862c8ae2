"""Several processes of one operator, each with its own way to the API server and to Guacamole."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from apiserver.api import ApiError
from apiserver.tcp_proxy import TcpProxy
from ports import HeldPort
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.installation import Installation
    from apiserver.operator_process import OperatorProcess

LEASE_NAMESPACE = "kube-system"


@dataclass
class Replica:
    """One process of the operator; it is started again under the same name."""

    installation: Installation
    name: str
    lease_seconds: int
    guacamole_url: str
    health_port: HeldPort = field(default_factory=HeldPort)
    metrics_port: HeldPort = field(default_factory=HeldPort)
    process: OperatorProcess | None = None
    starts: int = 0

    def __post_init__(self) -> None:
        self.api_proxy = TcpProxy(self.installation.api.server)
        self.guacamole_proxy = TcpProxy(self.guacamole_url)

    def start(self) -> None:
        """Start the process. It joins the election of the installation's Lease under a name of its own."""
        self.starts += 1
        kubeconfig = self.installation.folder / f"{self.name}.kubeconfig"
        text = self.installation.api.kubeconfig.read_text()
        server = self.api_proxy.url.replace("http://", "https://")
        kubeconfig.write_text(text.replace(self.installation.api.server, server))
        settings = {
            "KUBECONFIG": str(kubeconfig),
            "BLENDERSESSIONS_GUACAMOLE_URL": self.guacamole_proxy.url,
            "BLENDERSESSIONS_LEASE": f"{LEASE_NAMESPACE}/{self.installation.namespace}",
            "BLENDERSESSIONS_LEASE_SECONDS": str(self.lease_seconds),
            "BLENDERSESSIONS_METRICS_PORT": str(self.metrics_port.number),
            "BLENDERSESSIONS_POD_NAME": self.pod_name,
            "BLENDERSESSIONS_POD_NAMESPACE": self.installation.namespace,
        }
        self.process = self.installation.launch(self.name, self.health_port, settings)

    @property
    def pod_name(self) -> str:
        """What the present process is called in the Lease."""
        return f"{self.name}-{self.starts}"

    @property
    def has_ended(self) -> bool:
        """Whether there is no process."""
        return self.process is None or self.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal, if there is one."""
        if self.process is not None:
            self.process.send_signal(number)

    def until_ended(self) -> int:
        """Wait for the end of the process, and return its exit code."""
        process, self.process = self.process, None
        assert process is not None
        return process.wait()

    def end(self, number: signal.Signals) -> int:
        """End the process by a signal, and return its exit code."""
        self.send(number)
        return self.until_ended()

    def close(self) -> None:
        """End the process, if there is one, and release the ports."""
        if self.process is not None:
            self.end(signal.SIGKILL)
        for proxy in (self.api_proxy, self.guacamole_proxy):
            proxy.close()
        for port in (self.health_port, self.metrics_port):
            port.release()

    @property
    def log(self) -> str:
        """What the process, and those before it of this name, have logged so far."""
        return (self.installation.folder / f"{self.name}.log").read_text()

    @property
    def is_healthy(self) -> bool:
        """Whether the kubelet's probe would succeed."""
        try:
            url = f"http://127.0.0.1:{self.health_port.number}/healthz"
            return requests.get(url, timeout=DEADLINE_SECONDS).ok
        except requests.ConnectionError:
            return False

    def metric(self, name: str) -> float:
        """Read a metric without labels."""
        url = f"http://127.0.0.1:{self.metrics_port.number}/metrics"
        lines = requests.get(url, timeout=DEADLINE_SECONDS).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@dataclass
class Replicas:
    """The processes, and the Lease that they compete for."""

    installation: Installation
    members: list[Replica]

    @property
    def lease(self) -> dict[str, Any]:
        """The Lease's spec; empty if there is no Lease yet."""
        path = f"apis/coordination.k8s.io/v1/namespaces/{LEASE_NAMESPACE}/leases/{self.installation.namespace}"
        try:
            lease: Any = self.installation.api.request("GET", path)
        except ApiError as error:
            if error.status != requests.codes.not_found:
                raise
            return {}
        return dict(lease["spec"])

    @property
    def holder(self) -> Replica | None:
        """The member that holds the Lease; None if nobody does, or one that is gone."""
        named = str(self.lease.get("holderIdentity") or "").partition("/")[2].rpartition("_")[0]
        return next((each for each in self.members if each.pod_name == named and not each.has_ended), None)

    def start_what_ended(self) -> None:
        """Start each member that does not run, as the kubelet does."""
        for each in self.members:
            if each.has_ended:
                each.start()

    def until_led(self, seconds: float = DEADLINE_SECONDS) -> tuple[Replica, Replica]:
        """Wait until a member leads; return it and the other one."""
        leader = until(lambda: f"somebody leads; the Lease is {self.lease}", lambda: self.holder, seconds)
        assert leader is not None
        return leader, next(each for each in self.members if each is not leader)

    def until_whole(self) -> tuple[Replica, Replica]:
        """Start what is not running, and wait until one leads and the other stands by; return them."""
        self.start_what_ended()
        leader, standby = self.until_led()
        until("both are healthy", lambda: leader.is_healthy and standby.is_healthy)
        return leader, standby


@contextlib.contextmanager
def replicated(installation: Installation, guacamole_url: str, lease_seconds: int) -> Iterator[Replicas]:
    """Make two members that are not started, and end them afterwards."""
    members = [Replica(installation, name, lease_seconds, guacamole_url) for name in ("operator-a", "operator-b")]
    try:
        yield Replicas(installation, members)
    finally:
        for each in members:
            each.close()
