"""The command lines of the controller manager, the scheduler, the kubelet and kube-proxy."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from localcluster import runtime
from localcluster.addresses import Addresses
from localcluster.components import Component

API_PORT = 6443
"""The API server's port on the node."""
DOMAIN = "cluster.local"
"""The domain of Services' and pods' names."""


@dataclass(frozen=True)
class Access:
    """The folder with the components' credentials."""

    folder: Path

    def kubeconfig(self, name: str) -> Path:
        """Return the kubeconfig of the component `name`."""
        return self.folder / f"{name}.kubeconfig"

    def certificate(self, name: str) -> Path:
        """Return the certificate called `name`."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Return the key called `name`."""
        return self.folder / f"{name}.key"


def controller_manager(binary: Path, access: Access) -> Component:
    """Return kube-controller-manager. Its limits for API requests are far above the needs of one node."""
    config = access.kubeconfig("controller-manager")
    return Component(
        "kube-controller-manager",
        (
            str(binary),
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={access.key('service-accounts')}",
            f"--root-ca-file={access.certificate('ca')}",
            "--kube-api-qps=2000",
            "--kube-api-burst=2000",
            "--profiling=false",
        ),
        (config.read_text(),),
    )


def scheduler(binary: Path, access: Access) -> Component:
    """Return kube-scheduler, with the same limits."""
    config = access.kubeconfig("scheduler")
    return Component(
        "kube-scheduler",
        (
            str(binary),
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--leader-elect=false",
            "--kube-api-qps=2000",
            "--kube-api-burst=2000",
            "--profiling=false",
        ),
        (config.read_text(),),
    )


def kubelet_configuration(state: Path, access: Access, addresses: Addresses, cgroup: str) -> str:
    """Return the kubelet's configuration as YAML. `cgroup` is the parent of the pods' cgroups, without a slash."""
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{runtime.SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        # Kubernetes has deprecated cgroup v1, but some machines still have it.
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "enforceNodeAllocatable": ["none"],
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(access.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(access.certificate("kubelet-server")),
        "tlsPrivateKeyFile": str(access.key("kubelet-server")),
        "clusterDomain": DOMAIN,
        "clusterDNS": [addresses.dns],
        "resolvConf": str(state / "etc" / "resolv.conf"),
        "podLogsDir": str(state / "logs" / "pods"),
        "maxPods": 250,
        # A removed image could not be pulled again, so the kubelet keeps images on a full disk, and evicts pods late.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "shutdownGracePeriod": "0s",
    }
    return yaml.safe_dump(document, sort_keys=False)


def kubelet(binary: Path, state: Path, access: Access, addresses: Addresses, node_name: str) -> Component:
    """Return the kubelet. Its configuration file must exist."""
    config, credentials = state / "etc" / "kubelet.yaml", access.kubeconfig("kubelet")
    return Component(
        "kubelet",
        (
            str(binary),
            f"--config={config}",
            f"--kubeconfig={credentials}",
            f"--hostname-override={node_name}",
            f"--node-ip={addresses.node}",
            f"--cert-dir={access.folder}",
        ),
        (config.read_text(), credentials.read_text()),
    )


def proxy(binary: Path, access: Access, addresses: Addresses, node_name: str, mode: str) -> Component:
    """Return kube-proxy. It runs in the node's own network namespace.

    `mode` is nftables or iptables. In iptables, kube-proxy and the program `policies` would write the same table, and
    since `policies` writes all of it, it would undo what kube-proxy changes at that moment.
    """
    config = access.kubeconfig("proxy")
    return Component(
        "kube-proxy",
        (
            str(binary),
            f"--kubeconfig={config}",
            f"--hostname-override={node_name}",
            f"--cluster-cidr={addresses.pods}",
            f"--proxy-mode={mode}",
            # A new Service works after this time, in both modes. The default of a second is a large part of a session's
            # start.
            "--iptables-min-sync-period=50ms",
            # With another value, kube-proxy sets a sysctl, and ends if sysctls are read-only.
            "--conntrack-max-per-core=0",
            "--oom-score-adj=0",
        ),
        (config.read_text(),),
    )
