"""containerd and its pod network."""

import json
from pathlib import Path

from localcluster.addresses import Addresses
from localcluster.commands import run
from localcluster.components import Component, Supervisor
from localcluster.errors import LocalClusterError

SOCKET = "/run/containerd/containerd.sock"
_CNI_PLUGINS = "/usr/lib/cni"
_NAMESPACE = "k8s.io"


def configuration(state: Path, pause_image: str) -> str:
    """Return containerd's configuration (version 2, which Debian 12's 1.6 and later ones read)."""
    return f"""\
version = 2
root = "{state}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image}"
  # Without the capability SYS_RESOURCE runc cannot lower a score, and no pod would start.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{_CNI_PLUGINS}"
    conf_dir = "{state}/etc/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def network(addresses: Addresses) -> str:
    """Return the CNI configuration.

    Every pod hangs on a wire of its own and the node routes between them. With a bridge, answers between two pods would
    bypass the node's packet filter, and Services would need the kernel module br_netfilter.
    """
    plugins = [
        {
            "type": "ptp",
            # What leaves the cluster must come from an address that the way out knows.
            "ipMasq": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": str(addresses.pods)}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}, indent=2)


def write(state: Path, addresses: Addresses, pause_image: str) -> None:
    """Write the configuration files."""
    cni = state / "etc" / "cni"
    cni.mkdir(parents=True, exist_ok=True)
    (state / "etc" / "containerd.toml").write_text(configuration(state, pause_image))
    (cni / "10-pods.conflist").write_text(network(addresses))


def component(state: Path) -> Component:
    """Return containerd."""
    path = state / "etc" / "containerd.toml"
    return Component("containerd", ("/usr/bin/containerd", f"--config={path}"), (path.read_text(),))


def start(node: Supervisor, state: Path, *, fresh: bool) -> bool:
    """Make sure that containerd runs; return whether it had to be started.

    Args:
        node: starts programs on the node.
        state: the cluster's folder.
        fresh: the node was just made: containers that an earlier one left in the store are removed.
    """
    started = node.run(component(state))
    node.wait("containerd", lambda: _answers(node), 60)
    if fresh and _remove_containers(node):
        # The plugin that serves Kubernetes read them at its start.
        node.stop("containerd", grace=20)
        node.run(component(state))
        node.wait("containerd", lambda: _answers(node), 60)
    return started


def ctr(node: Supervisor, *arguments: str, timeout: float = 600) -> str:
    """Run `ctr ARGUMENTS` against the node's containerd, in Kubernetes' namespace."""
    return run(
        [*node.prefix, "/usr/bin/ctr", f"--address={SOCKET}", f"--namespace={_NAMESPACE}", *arguments], timeout=timeout
    )


def import_image(node: Supervisor, reference: str, archive: Path) -> bool:
    """Import an image unless one with that reference is present; return whether it was imported.

    Raises:
        LocalClusterError: the archive does not hold an image called `reference`.
    """
    if reference in images(node):
        return False
    ctr(node, "images", "import", str(archive))
    if reference not in images(node):
        raise LocalClusterError(
            f"The archive {archive} holds no image called {reference}. Remove it and make it again."
        )
    return True


def images(node: Supervisor) -> list[str]:
    """Return the references of the images that the node has."""
    return ctr(node, "images", "list", "--quiet").split()


def _answers(node: Supervisor) -> bool:
    """Ask as the kubelet does, and as it does not ask twice: containerd itself answers before its Kubernetes plugin.

    The request is `runtime.v1.RuntimeService/Version` of Kubernetes' CRI with an empty message, in gRPC's framing over
    HTTP/2 (grpc.io, PROTOCOL-HTTP2).
    """
    headers = ("--header", "content-type: application/grpc", "--header", "te: trailers")
    answer = ("--data-binary", "@-", "--dump-header", "-", "--output", "/dev/null", "--silent", "--max-time", "5")
    url = "http://localhost/runtime.v1.RuntimeService/Version"
    curl = ("/usr/bin/curl", "--http2-prior-knowledge", "--unix-socket", SOCKET, *headers, *answer, url)
    try:
        said = run([*node.prefix, *curl], stdin="\0" * 5, timeout=10)
    except LocalClusterError:
        return False
    return "grpc-status: 0" in said.splitlines()


def _remove_containers(node: Supervisor) -> bool:
    containers = ctr(node, "containers", "list", "--quiet").split()
    if containers:
        ctr(node, "containers", "delete", *containers)
    return bool(containers)
