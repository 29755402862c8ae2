"""containerd, and the network of its pods."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from localcluster.addresses import Addresses
from localcluster.commands import run
from localcluster.components import Component, Supervisor
from localcluster.errors import LocalClusterError

SOCKET = "/run/containerd/containerd.sock"
_CNI_PLUGINS = "/usr/lib/cni"
_NAMESPACE = "k8s.io"


def configuration(state: Path, pause_image: str) -> str:
    """Return containerd's configuration. Its version 2 works with Debian 12's containerd 1.6 and later ones."""
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
  # Without the capability SYS_RESOURCE, runc cannot lower an OOM score, and pods would not start.
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
    """Return the CNI configuration as JSON.

    Each pod has its own link (plugin ptp) to the node, which routes between pods. With a bridge, answers between two
    pods would bypass the node's packet filter, and Services would need the kernel module br_netfilter.
    """
    plugins = [
        {
            "type": "ptp",
            # Packets that leave the cluster get the node's address, because only that one is known outside.
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
    """Start containerd unless it runs, and return whether it was started.

    Args:
        node: the supervisor of the node's programs.
        state: the cluster's folder.
        fresh: whether the node was just started. If so, containers that an earlier node left in the store are removed.

    Raises:
        StepFailedError: containerd did not answer within 60 seconds.
    """
    started = node.run(component(state))
    node.wait("containerd", lambda: _answers(node), 60)
    if fresh and _remove_containers(node):
        # The plugin for Kubernetes has already read the containers, so containerd is restarted.
        node.stop("containerd", grace=20)
        node.run(component(state))
        node.wait("containerd", lambda: _answers(node), 60)
    return started


def ctr(node: Supervisor, *arguments: str, timeout: float = 600) -> str:
    """Run `ctr ARGUMENTS` in the Kubernetes namespace of the node's containerd, and return the output.

    Raises:
        LocalClusterError: ctr failed, or took longer than `timeout` seconds.
    """
    return run(
        [*node.prefix, "/usr/bin/ctr", f"--address={SOCKET}", f"--namespace={_NAMESPACE}", *arguments], timeout=timeout
    )


def import_image(node: Supervisor, reference: str, archive: Path) -> bool:
    """Import an image unless the node has one with this reference. Return whether it was imported.

    Raises:
        LocalClusterError: the archive has no image called `reference`.
    """
    if reference in images(node):
        return False
    ctr(node, "images", "import", str(archive))
    if reference not in images(node):
        raise LocalClusterError(
            f"The archive {archive} has no image called {reference}. Remove the archive and make it again."
        )
    return True


def remove_former_images(node: Supervisor, wanted: Collection[str]) -> list[str]:
    """Remove other tags of these images that no container uses, and return their references.

    Each build has a tag of its own, and the kubelet removes no image before the disk is nearly full.

    Args:
        node: the node.
        wanted: references, with their tags.
    """
    digests = dict(_columns(ctr(node, "images", "list"), 0, 2))
    used = {digests.get(image) for _, image in _columns(ctr(node, "containers", "list"), 0, 1)}
    former = former_images(digests, wanted, used)
    if former:
        ctr(node, "images", "remove", "--sync", *former)
    return former


def former_images(digests: Mapping[str, str], wanted: Collection[str], used: Collection[str | None]) -> list[str]:
    """Return the references of images that others of the same name have replaced.

    Args:
        digests: the digest of each reference. containerd's plugin for Kubernetes gives each image a second reference,
            which has no name: `sha256:ID`.
        wanted: the references that replace the others.
        used: digests of images in use.
    """
    names = {reference.rpartition(":")[0] for reference in wanted}
    former = [
        reference
        for reference, digest in digests.items()
        if reference.rpartition(":")[0] in names and reference not in wanted and digest not in used
    ]
    kept = {digest for reference, digest in digests.items() if reference not in former and not _is_nameless(reference)}
    gone = {digests[reference] for reference in former} - kept
    return [reference for reference, digest in digests.items() if reference in former or digest in gone]


def _is_nameless(reference: str) -> bool:
    return reference.startswith("sha256:")


def _columns(table: str, *columns: int) -> list[list[str]]:
    """Return some columns of what ctr prints, without the heading."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [[row[column] for column in columns] for row in rows]


def images(node: Supervisor) -> list[str]:
    """Return the references of the images that the node has."""
    return ctr(node, "images", "list", "--quiet").split()


def _answers(node: Supervisor) -> bool:
    """Return whether containerd's plugin for Kubernetes answers the kubelet's first request.

    The kubelet does not repeat that request, and containerd itself answers earlier than the plugin. The request is
    `runtime.v1.RuntimeService/Version` of Kubernetes' CRI with an empty message, in gRPC's framing over HTTP/2
    (grpc.io, PROTOCOL-HTTP2).
    """
    headers = ("--header", "content-type: application/grpc", "--header", "te: trailers")
    answer = ("--data-binary", "@-", "--dump-header", "-", "--output", "/dev/null", "--silent", "--max-time", "5")
    url = "http://localhost/runtime.v1.RuntimeService/Version"
    curl = ("/usr/bin/curl", "--http2-prior-knowledge", "--unix-socket", SOCKET, *headers, *answer, url)
    try:
        output = run([*node.prefix, *curl], stdin="\0" * 5, timeout=10)
    except LocalClusterError:
        return False
    return "grpc-status: 0" in output.splitlines()


def _remove_containers(node: Supervisor) -> bool:
    containers = ctr(node, "containers", "list", "--quiet").split()
    if containers:
        ctr(node, "containers", "delete", *containers)
    return bool(containers)
