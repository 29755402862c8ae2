"""The command lines of etcd and kube-apiserver, and a check that the API answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import requests

from localcluster.components import Component


@dataclass(frozen=True)
class ServerFiles:
    """The files that kube-apiserver reads when it starts."""

    authority: Path
    certificate: Path
    key: Path
    signing_public: Path
    signing_key: Path
    kubelet_client: tuple[Path, Path] | None = None
    """The client certificate and key for calls to kubelets, which logs and exec need."""

    def contents(self) -> tuple[str, ...]:
        """Return the contents of the files, for the component's fingerprint."""
        files = [self.authority, self.certificate, self.signing_public]
        return tuple(path.read_text() for path in files)


def etcd(binary: Path, data: Path, client_port: int, peer_port: int) -> Component:
    """Return etcd on loopback. It does not wait for the disk, because nobody needs its data after a crash."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return Component(
        "etcd",
        (
            str(binary),
            "--name=node",
            f"--data-dir={data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=node={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
    )


def kube_apiserver(
    binary: Path,
    files: ServerFiles,
    *,
    address: str,
    port: int,
    etcd_port: int,
    services: str,
    extra: Sequence[str] = (),
) -> Component:
    """Return kube-apiserver with node and role-based authorisation.

    Args:
        binary: the program.
        files: its certificates and keys.
        address: the address to listen on.
        port: the port to listen on.
        etcd_port: etcd's client port on loopback.
        services: the network of the Services' cluster addresses, for instance `10.208.0.0/17`.
        extra: more arguments.
    """
    command = [
        str(binary),
        f"--bind-address={address}",
        f"--secure-port={port}",
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--service-cluster-ip-range={services}",
        f"--client-ca-file={files.authority}",
        f"--tls-cert-file={files.certificate}",
        f"--tls-private-key-file={files.key}",
        f"--service-account-key-file={files.signing_public}",
        f"--service-account-signing-key-file={files.signing_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        "--profiling=false",
        *extra,
    ]
    if files.kubelet_client is not None:
        certificate, key = files.kubelet_client
        command += [f"--kubelet-client-certificate={certificate}", f"--kubelet-client-key={key}"]
    return Component("kube-apiserver", tuple(command), files.contents())


def answers(url: str, authority: Path, client: tuple[Path, Path] | None = None) -> bool:
    """Return whether `GET url` gives 200 within a second.

    Args:
        url: an HTTPS URL.
        authority: the file with the server's certificate authority.
        client: the files with a client certificate and its key.
    """
    session = requests.Session()
    # The cluster is on this machine, so a proxy in the environment must not be used.
    session.trust_env = False
    cert = (str(client[0]), str(client[1])) if client else None
    try:
        with session, session.get(url, verify=str(authority), cert=cert, timeout=1) as response:
            return response.status_code == HTTPStatus.OK
    except requests.RequestException:
        return False
