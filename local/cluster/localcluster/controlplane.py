"""etcd and kube-apiserver on loopback, without a node, for tests of an API or of a controller.

No controller runs. There are no service accounts (their admission plugin is off), a deleted namespace keeps its
objects, owner references have no effect, and a pod's status stays as the test writes it.
"""

import datetime as dt
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from localcluster import apiserver, binaries, kubeconfig, pki
from localcluster.components import Supervisor
from localcluster.errors import LocalClusterError

_SERVICES = "10.255.0.0/16"
"""The network of the Services' cluster addresses, to which no packet is ever sent."""


@dataclass(frozen=True)
class ControlPlane:
    """A running API server."""

    kubeconfig: Path
    """The administrator's kubeconfig."""
    url: str
    supervisor: Supervisor
    data: Path
    ports: tuple[socket.socket, ...]
    """Bound to the ports for as long as both run. Go listens with SO_REUSEADDR, so no other program gets them first."""
    audit_log: Path
    """One JSON object for each request of an audited user: who did what to which object, and the answer's code."""

    def stop(self) -> None:
        """Stop both programs and remove their data. The logs stay."""
        # After SIGTERM the API server would wait for open watches, up to a minute.
        self.supervisor.stop("kube-apiserver", grace=0)
        self.supervisor.stop("etcd", grace=0)
        shutil.rmtree(self.data, ignore_errors=True)
        for each in self.ports:
            each.close()


def start(state: Path, api_port: int, *, audited: Sequence[str] = (), etcd_options: Sequence[str] = ()) -> ControlPlane:
    """Start etcd and kube-apiserver without data, and wait until the API answers.

    Args:
        state: a folder for this control plane only. Programs and data of an earlier run there are removed.
        api_port: the API's port on 127.0.0.1, or 0 for a free one.
        audited: users whose requests are recorded in `ControlPlane.audit_log`.
        etcd_options: more options of etcd, such as a larger quota.

    Raises:
        LocalClusterError: the port is in use, or a program did not start. The message has the last lines of its log.
    """
    built = binaries.ensure("etcd", "kube-apiserver")
    supervisor = Supervisor(state / "pids", state / "logs")
    for name in ("kube-apiserver", "etcd"):
        supervisor.stop(name, grace=0)
    data = state / "etcd"
    shutil.rmtree(data, ignore_errors=True)
    ports = _hold_ports(api_port)
    port, client_port, peer_port = (each.getsockname()[1] for each in ports)
    url = f"https://127.0.0.1:{port}"
    files, config = _credentials(state, url)
    audit_log = state / "audit.jsonl"
    plane = ControlPlane(config, url, supervisor, data, ports, audit_log)
    try:
        etcd = apiserver.etcd(built["etcd"], data, client_port, peer_port)
        supervisor.run(replace(etcd, command=(*etcd.command, *etcd_options)))
        supervisor.run(
            apiserver.kube_apiserver(
                built["kube-apiserver"],
                files,
                address="127.0.0.1",
                port=port,
                etcd_port=client_port,
                services=_SERVICES,
                # The endpoints of the Service `kubernetes` must not be loopback addresses, so there are none.
                extra=(
                    "--endpoint-reconciler-type=none",
                    "--disable-admission-plugins=ServiceAccount",
                    # Some clusters have it. Whoever changes an owner needs more rights then.
                    "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
                    *_audit_options(state, audit_log, audited),
                ),
            )
        )
        supervisor.wait("kube-apiserver", lambda: apiserver.answers(f"{url}/readyz", files.authority), 90)
    except BaseException:
        plane.stop()
        raise
    return plane


def _audit_options(state: Path, log: Path, users: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments for an audit log of these users; none without users. It holds no bodies."""
    if not users:
        return ()
    rules = [{"level": "Metadata", "users": list(users)}, {"level": "None"}]
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    file = state / "audit-policy.yaml"
    file.write_text(yaml.safe_dump(policy))
    log.unlink(missing_ok=True)
    return (f"--audit-policy-file={file}", f"--audit-log-path={log}")


def _credentials(state: Path, url: str) -> tuple[apiserver.ServerFiles, Path]:
    folder = state / "pki"
    now = dt.datetime.now(dt.UTC)
    authority = pki.Authority.create(now)
    authority_file, _ = authority.pair.write(folder, "ca")
    hosts = ("localhost", "127.0.0.1", "kubernetes.default.svc")
    certificate, key = authority.issue("kube-apiserver", now, hosts=hosts).write(folder, "apiserver")
    public, signing = pki.signing_key().write(folder, "service-accounts")
    admin = authority.issue("admin", now, organizations=("system:masters",))
    content = kubeconfig.render("blender-sessions-test", url, authority.pair.certificate, admin)
    config = kubeconfig.write(state / "kubeconfig", content)
    return apiserver.ServerFiles(authority_file, certificate, key, public, signing), config


def _hold_ports(api_port: int) -> tuple[socket.socket, socket.socket, socket.socket]:
    """Bind, without listening, to the API's port and to two free ones for etcd."""
    held = (socket.socket(), socket.socket(), socket.socket())
    try:
        for each, number in zip(held, (api_port, 0, 0), strict=True):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", number))
    except OSError as error:
        for each in held:
            each.close()
        raise LocalClusterError(
            f"The API server cannot listen on 127.0.0.1:{api_port}: {error.strerror}. "
            "End the program that uses this port, or choose another port."
        ) from error
    return held
