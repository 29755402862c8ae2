"""The credentials of a cluster: its certificates, and a kubeconfig for each component and for the administrator."""

import datetime as dt
from pathlib import Path
from typing import Final

from localcluster import kubeconfig, pki, policies, volumes
from localcluster.addresses import Addresses
from localcluster.apiserver import ServerFiles
from localcluster.errors import LocalClusterError
from localcluster.kubernetes import API_PORT, DOMAIN, Access

_SERVER_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{DOMAIN}")

# By the name of the kubeconfig: the user and the groups under which the API server knows the component.
_COMPONENTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "controller-manager": ("system:kube-controller-manager", ()),
    "scheduler": ("system:kube-scheduler", ()),
    "proxy": ("system:kube-proxy", ()),
    "kubelet": ("system:node:{node}", ("system:nodes",)),
    volumes.USER: (volumes.USER, ()),
    policies.USER: (policies.USER, ()),
}


def create(folder: Path, addresses: Addresses, node_name: str, now: dt.datetime) -> Access:
    """Write all credentials into `folder`, unless they exist, and return their paths.

    Args:
        folder: the folder for the files.
        addresses: the cluster's addresses, for the serving certificates.
        node_name: the node's name in Kubernetes.
        now: the time from which the certificates are valid.

    Raises:
        LocalClusterError: an earlier version of this code wrote the files, with fewer components.
    """
    access = Access(folder)
    complete = folder / "complete"
    if complete.exists():
        lacking = [name for name in _COMPONENTS if not access.kubeconfig(name).exists()]
        if lacking:
            raise LocalClusterError(
                f"An earlier version started this cluster, without access for {', '.join(lacking)}. "
                "Take it down (python -m localcluster down --name NAME) and start it again."
            )
        return access
    authority = pki.Authority.create(now)
    authority.pair.write(folder, "ca")
    pki.signing_key().write(folder, "service-accounts")
    hosts = (*_SERVER_NAMES, "localhost", "127.0.0.1", addresses.node, addresses.kubernetes)
    authority.issue("kube-apiserver", now, hosts=hosts).write(folder, "apiserver")
    authority.issue(node_name, now, hosts=(node_name, addresses.node)).write(folder, "kubelet-server")
    admin = authority.issue("admin", now, organizations=("system:masters",))
    admin.write(folder, "admin")
    authority.issue("kube-apiserver", now, organizations=("system:masters",)).write(folder, "kubelet-client")
    for name, (user, groups) in _COMPONENTS.items():
        pair = authority.issue(user.format(node=node_name), now, organizations=groups)
        content = kubeconfig.render("local", f"https://127.0.0.1:{API_PORT}", authority.pair.certificate, pair)
        kubeconfig.write(access.kubeconfig(name), content)
    complete.touch()
    return access


def server_files(access: Access) -> ServerFiles:
    """Return the files that the API server reads."""
    return ServerFiles(
        authority=access.certificate("ca"),
        certificate=access.certificate("apiserver"),
        key=access.key("apiserver"),
        signing_public=access.certificate("service-accounts"),
        signing_key=access.key("service-accounts"),
        kubelet_client=(access.certificate("kubelet-client"), access.key("kubelet-client")),
    )


def write_kubeconfig(access: Access, cluster: str, path: Path, api_port: int) -> Path:
    """Write the administrator's kubeconfig, for `127.0.0.1:api_port`, and return its path."""
    admin = pki.Pair(access.certificate("admin").read_bytes(), access.key("admin").read_bytes())
    authority = access.certificate("ca").read_bytes()
    content = kubeconfig.render(f"blender-sessions-{cluster}", f"https://127.0.0.1:{api_port}", authority, admin)
    return kubeconfig.write(path, content)
