"""The start of one cluster's programs, in the order of their dependencies."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from localcluster import apiserver, credentials, dns, kubernetes, paths, policies, runtime, volumes
from localcluster.archive import Program
from localcluster.chart import HTTP_NODE_PORT
from localcluster.commands import Kubectl
from localcluster.components import Component, Supervisor
from localcluster.kubernetes import Access
from localcluster.node import Node
from localcluster.settings import Settings
from localcluster.unready import explained

_ETCD_PORTS = (2379, 2380)


@dataclass(frozen=True)
class Startup:
    """One start of a cluster whose node runs. Programs that already run as they should are left alone."""

    node: Node
    settings: Settings
    built: dict[str, Path]
    """The paths of the cluster's programs, by name."""
    kubectl: Kubectl
    """The administrator's kubectl. `control_plane` writes its kubeconfig."""

    @property
    def _state(self) -> Path:
        return self.node.state

    @property
    def _supervisor(self) -> Supervisor:
        return self.node.supervisor()

    def control_plane(self) -> Access:
        """Start etcd, the API server, the port forwarder, the controller manager and the scheduler.

        Returns:
            The components' credentials.

        Raises:
            LocalClusterError: a program did not start. The message has the last lines of its log.
        """
        access = self._credentials()
        supervisor, addresses = self._supervisor, self.settings.addresses
        supervisor.run(apiserver.etcd(self.built["etcd"], self._state / "etcd", *_ETCD_PORTS))
        supervisor.run(
            apiserver.kube_apiserver(
                self.built["kube-apiserver"],
                credentials.server_files(access),
                address="0.0.0.0",  # noqa: S104 - inside the node's own network namespace
                port=kubernetes.API_PORT,
                etcd_port=_ETCD_PORTS[0],
                services=str(addresses.services),
                extra=(
                    f"--advertise-address={addresses.node}",
                    # No name server knows the node's name.
                    "--kubelet-preferred-address-types=InternalIP",
                    f"--kubelet-certificate-authority={access.certificate('ca')}",
                ),
            )
        )
        forward = (
            str(self.built["forward"]),
            f"127.0.0.1:{self.settings.http_port}={addresses.node}:{HTTP_NODE_PORT}",
            f"127.0.0.1:{self.settings.api_port}={addresses.node}:{kubernetes.API_PORT}",
        )
        self.node.supervisor(network=False).run(Component("forward", forward))
        credentials.write_kubeconfig(access, self.node.name, self.kubectl.kubeconfig, self.settings.api_port)
        supervisor.wait("kube-apiserver", lambda: api_answers(self._state, self.settings), 90)
        supervisor.run(kubernetes.controller_manager(self.built["kube-controller-manager"], access))
        supervisor.run(kubernetes.scheduler(self.built["kube-scheduler"], access))
        return access

    def node_services(self, access: Access, *, fresh: bool) -> None:
        """Start containerd, the kubelet and kube-proxy, and wait until the node is Ready.

        Args:
            access: the components' credentials.
            fresh: whether the node was just started.

        Raises:
            LocalClusterError: a program did not start, or the node was not Ready within 90 seconds.
        """
        supervisor, addresses, name = self._supervisor, self.settings.addresses, self.node.host_name
        pause = Program("blender-sessions/pause", self.built["pause"])
        runtime.write(self._state, addresses, pause.reference)
        config = kubernetes.kubelet_configuration(self._state, access, addresses, self.node.cgroup)
        (self._state / "etc" / "kubelet.yaml").write_text(config)
        runtime.start(supervisor, self._state, fresh=fresh)
        self._import(pause)
        supervisor.run(kubernetes.kubelet(self.built["kubelet"], self._state, access, addresses, name))
        mode = "iptables" if policies.missing(supervisor) else "nftables"
        supervisor.run(kubernetes.proxy(self.built["kube-proxy"], access, addresses, name, mode))
        supervisor.wait("kubelet", self._node_is_ready, 90)

    def walls(self, access: Access) -> str:
        """Start the enforcement of network policies, and wait until it is at work.

        Returns:
            Why there is none, if the kernel cannot do it, else an empty text. All else works without.

        Raises:
            StepFailedError: the program ended, or was not at work within 60 seconds.
        """
        if reason := policies.missing(self._supervisor):
            return f"not enforced here. {reason}"
        self.kubectl.run("apply", "--server-side", "--filename=-", stdin=policies.manifest())
        supervisor = self._supervisor
        program = self.built["policies"]
        supervisor.run(policies.component(program, access, self.settings.addresses, self.node.host_name))
        supervisor.wait("policies", lambda: policies.are_enforced(supervisor), 60)
        return ""

    def storage(self, access: Access) -> None:
        """Create the default storage class, and start the provisioner of its volumes."""
        self.kubectl.run("apply", "--server-side", "--filename=-", stdin=volumes.manifest())
        program = self.built["volumes"]
        self._supervisor.run(volumes.component(program, self._state, access, self.node.host_name))

    def cluster_dns(self) -> None:
        """Start the cluster's DNS, and wait until it is ready.

        Raises:
            LocalClusterError: it was not ready in time. The message has the pods' reasons.
        """
        image = Program("blender-sessions/coredns", self.built["coredns"])
        self._import(image)
        objects = dns.manifest(image.reference, self.settings.addresses)
        self.kubectl.run("apply", "--server-side", "--filename=-", stdin=objects)
        with explained(self.kubectl, "kube-system"):
            self.kubectl.run("--namespace=kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s")

    def _credentials(self) -> Access:
        now = dt.datetime.now(dt.UTC)
        return credentials.create(self._state / "pki", self.settings.addresses, self.node.host_name, now)

    def _import(self, program: Program) -> None:
        if program.reference not in runtime.images(self._supervisor):
            name, _, tag = program.reference.rpartition("/")[2].partition(":")
            archive = program.write(paths.cache() / "images" / f"{name}-{tag}.tar")
            runtime.import_image(self._supervisor, program.reference, archive)

    def _node_is_ready(self) -> bool:
        return self.kubectl.succeeds("wait", f"node/{self.node.host_name}", "--for=condition=Ready", "--timeout=1s")


def api_answers(state: Path, settings: Settings) -> bool:
    """Return whether the API of the cluster in the folder `state` answers on the host's loopback."""
    url = f"https://127.0.0.1:{settings.api_port}/readyz"
    return apiserver.answers(url, Access(state / "pki").certificate("ca"))
