"""One embedded cluster: up, down, and what others need to know of it."""

import datetime as dt
import fcntl
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from localcluster import (
    apiserver,
    binaries,
    chart,
    credentials,
    dns,
    images,
    kubernetes,
    network,
    packages,
    paths,
    preflight,
    runtime,
)
from localcluster.addresses import Addresses, choose_slot
from localcluster.archive import Program
from localcluster.commands import Kubectl
from localcluster.components import Component, Supervisor
from localcluster.errors import LocalClusterError
from localcluster.images import ImageRef
from localcluster.node import Node
from localcluster.progress import Steps

HTTP_NODE_PORT = 30080
"""The node's port that the proxy's Service takes."""
# By a cluster's name: HTTP and API port on 127.0.0.1. Another name has to say its own.
_PORTS = {"demo": (8080, 6443), "test": (18080, 16443)}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,10}[a-z0-9]|[a-z]")
_ETCD_PORTS = (2379, 2380)
# What belongs to a running node and is worth nothing without it; the image store, the logs and the settings stay.
_VOLATILE = ("etcd", "pki", "kubelet", "cni", "pids", "etc", "var-log", "node-ready", "kubeconfig")


@dataclass(frozen=True)
class Settings:
    """What a cluster keeps from one run to the next."""

    slot: int
    http_port: int
    api_port: int


class Cluster:
    """The embedded cluster called `name`."""

    def __init__(self, name: str, root: Path = paths.STATE_ROOT) -> None:
        if not _NAME.fullmatch(name):
            raise LocalClusterError(
                f"{name!r} cannot name a cluster: use at most 12 lower-case letters, digits and hyphens, "
                "with a letter first and no hyphen last."
            )
        self.name = name
        self.state = root / name
        self.node = Node(name, self.state)
        self._root = root

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; it is there while the cluster is up."""
        return self.state / "kubeconfig"

    @property
    def logs(self) -> Path:
        """The folder with one log per component."""
        return self.state / "logs"

    @property
    def settings(self) -> Settings:
        """The cluster's settings.

        Raises:
            LocalClusterError: there has never been such a cluster.
        """
        settings = _read_settings(self.state)
        if settings is None:
            raise LocalClusterError(f"There is no cluster {self.name!r}. Make it with `up` or `demo`.")
        return settings

    @property
    def addresses(self) -> Addresses:
        """The cluster's addresses."""
        return Addresses(self.settings.slot)

    @property
    def http_url(self) -> str:
        """What a browser on this machine opens, with a trailing slash."""
        return f"http://127.0.0.1:{self.settings.http_port}/"

    @property
    def session_namespace(self) -> str:
        """Where the portal creates sessions."""
        return chart.SESSION_NAMESPACE

    @property
    def kubectl(self) -> Kubectl:
        """The command kubectl for this cluster."""
        return Kubectl(binaries.location("kubectl"), self.kubeconfig)

    def is_up(self) -> bool:
        """Tell whether the cluster has a node and an API that answers."""
        return self.node.is_running() and self._api_answers()

    def check(self, http_port: int, api_port: int) -> None:
        """Raise LocalClusterError if the machine cannot run this cluster on these ports."""
        forwarding = self._forwarding(self._old_settings())
        ports = [port for port in (http_port, api_port) if port not in forwarding]
        facts = preflight.gather(paths.cache(), self.state, ports)
        first = bool(binaries.missing(*binaries.ALL)) or not (self.state / "containerd").exists()
        preflight.check(facts, first=first, missing_packages=packages.missing())

    def ports(self, http_port: int | None, api_port: int | None) -> tuple[int, int]:
        """Return the ports on 127.0.0.1 for the portal and the API: those given, or the defaults of this name.

        Raises:
            LocalClusterError: there is no default for this name, or both are the same.
        """
        default_http, default_api = _PORTS.get(self.name, (None, None))
        http, api = http_port or default_http, api_port or default_api
        if http is None or api is None:
            raise LocalClusterError(f"Cluster {self.name!r} has no default ports: give --http-port and --api-port.")
        if http == api:
            raise LocalClusterError(f"--http-port and --api-port are both {http}; they must differ.")
        return http, api

    def up(self, http_port: int | None = None, api_port: int | None = None, steps: Steps | None = None) -> None:
        """Make the cluster run; what runs already as wanted is left alone.

        Args:
            http_port: the port on 127.0.0.1 that leads to the proxy's node port.
            api_port: the port on 127.0.0.1 that leads to the API server.
            steps: told of progress. The machine is not checked here, see `check`.

        Raises:
            LocalClusterError: a step failed; the message says which and why.
        """
        steps = steps or Steps()
        with self._lock():
            built = binaries.ensure(*binaries.ALL)
            with steps.step("Start the node") as step:
                fresh = not self.node.is_running()
                if fresh:
                    self._clean()
                settings = self._choose_settings(*self.ports(http_port, api_port))
                addresses = Addresses(settings.slot)
                (self.state / "etc").mkdir(exist_ok=True)
                # Pods that want the node's own resolver get none: nothing leads to a name server.
                (self.state / "etc" / "resolv.conf").write_text("")
                self.node.start(built["pause"])
                network.connect(self.name, self.node.init(), addresses)
                step.note = f"{self.node.host_name}, {addresses.node}" if fresh else "runs already"
            supervisor = self.node.supervisor()
            with steps.step("Start the control plane"):
                access = self._start_control_plane(built, supervisor, settings, addresses)
            with steps.step("Start containerd, kubelet and kube-proxy"):
                self._start_node_services(built, supervisor, access, addresses, fresh=fresh)
                supervisor.wait("kubelet", self._node_is_ready, 90)
            with steps.step("Start the cluster's DNS"):
                self._start_dns(built["coredns"], supervisor, addresses)

    def build_images(self, steps: Steps | None = None) -> dict[str, ImageRef]:
        """Build what is missing of the images that the chart needs here.

        Raises:
            LocalClusterError: a build failed; the message has the log's last lines and place.
        """
        return build_images(steps or Steps(), chart.image_names(chart.guacamole_mode("standin")))

    def install(self, steps: Steps | None = None, images: Mapping[str, ImageRef] | None = None) -> None:
        """Bring our images to the node and install the chart, or upgrade it if it or an image changed.

        Raises:
            LocalClusterError: a step failed; the message says which and why.
        """
        steps = steps or Steps()
        if images is None:
            images = self.build_images(steps)
        with self._lock(), steps.step("Import the images") as step:
            pairs = [(f"docker.io/{image.repository}:{image.tag}", image.archive) for image in images.values()]
            step.note = f"{len(self.import_images(pairs))} of {len(pairs)} were missing"
        with self._lock(), steps.step("Install the chart") as step:
            values = chart.values(images, public_url=self.http_url, node_port=HTTP_NODE_PORT)
            helm = binaries.ensure("helm")["helm"]
            step.note = "installed" if chart.install(helm, self.kubectl, values, self.state / "etc") else "unchanged"

    def import_images(self, images: Sequence[tuple[str, Path]]) -> list[str]:
        """Import (reference, archive) pairs that the node lacks; return the references that were imported."""
        supervisor = self.node.supervisor()
        return [reference for reference, path in images if runtime.import_image(supervisor, reference, path)]

    def down(self, *, purge: bool = False) -> None:
        """End the cluster and leave nothing running, mounted or routed; with `purge`, no file either.

        The image store, the logs and the settings stay otherwise, for the next `up`.
        """
        if not self.state.exists():
            return
        with self._lock():
            self.node.stop()
            network.disconnect(self.name)
            self._clean()
        if purge:
            shutil.rmtree(self.state)

    def components(self) -> Iterator[tuple[str, bool, Path]]:
        """Yield (name, whether it runs, log) of every component that was started."""
        supervisor = Supervisor(self.state / "pids" / "node", self.logs)
        for name in supervisor.names():
            yield name, supervisor.is_running(name), supervisor.log(name)

    def _start_control_plane(
        self, built: dict[str, Path], supervisor: Supervisor, settings: Settings, addresses: Addresses
    ) -> kubernetes.Access:
        access = credentials.create(self.state / "pki", addresses, self.node.host_name, dt.datetime.now(dt.UTC))
        supervisor.run(apiserver.etcd(built["etcd"], self.state / "etcd", *_ETCD_PORTS))
        supervisor.run(
            apiserver.kube_apiserver(
                built["kube-apiserver"],
                credentials.server_files(access),
                address="0.0.0.0",  # noqa: S104 - inside the node's own network namespace
                port=kubernetes.API_PORT,
                etcd_port=_ETCD_PORTS[0],
                services=str(addresses.services),
                extra=(
                    f"--advertise-address={addresses.node}",
                    # Nobody answers for the node's name outside the cluster.
                    "--kubelet-preferred-address-types=InternalIP",
                    f"--kubelet-certificate-authority={access.certificate('ca')}",
                ),
            )
        )
        forward = (
            str(built["forward"]),
            f"127.0.0.1:{settings.http_port}={addresses.node}:{HTTP_NODE_PORT}",
            f"127.0.0.1:{settings.api_port}={addresses.node}:{kubernetes.API_PORT}",
        )
        self.node.supervisor(network=False).run(Component("forward", forward))
        credentials.write_kubeconfig(access, self.name, self.kubeconfig, settings.api_port)
        supervisor.wait("kube-apiserver", self._api_answers, 90)
        supervisor.run(kubernetes.controller_manager(built["kube-controller-manager"], access))
        supervisor.run(kubernetes.scheduler(built["kube-scheduler"], access))
        return access

    def _start_node_services(
        self,
        built: dict[str, Path],
        supervisor: Supervisor,
        access: kubernetes.Access,
        addresses: Addresses,
        *,
        fresh: bool,
    ) -> None:
        pause = Program("blender-sessions/pause", built["pause"])
        runtime.write(self.state, addresses, pause.reference)
        config = kubernetes.kubelet_configuration(self.state, access, addresses, self.node.cgroup)
        (self.state / "etc" / "kubelet.yaml").write_text(config)
        runtime.start(supervisor, self.state, fresh=fresh)
        self._import_program(pause, supervisor)
        supervisor.run(kubernetes.kubelet(built["kubelet"], self.state, access, addresses, self.node.host_name))
        supervisor.run(kubernetes.proxy(built["kube-proxy"], access, addresses, self.node.host_name))

    def _start_dns(self, coredns: Path, supervisor: Supervisor, addresses: Addresses) -> None:
        image = Program("blender-sessions/coredns", coredns)
        self._import_program(image, supervisor)
        self.kubectl.run("apply", "--server-side", "--filename=-", stdin=dns.manifest(image.reference, addresses))
        self.kubectl.run("--namespace=kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s")

    def _import_program(self, program: Program, supervisor: Supervisor) -> None:
        if program.reference not in runtime.images(supervisor):
            name, _, tag = program.reference.rpartition("/")[2].partition(":")
            archive = program.write(paths.cache() / "images" / f"{name}-{tag}.tar")
            runtime.import_image(supervisor, program.reference, archive)

    def _api_answers(self) -> bool:
        access = kubernetes.Access(self.state / "pki")
        if not self.kubeconfig.exists():
            return False
        url = f"https://127.0.0.1:{self.settings.api_port}/readyz"
        return apiserver.answers(url, access.certificate("ca"))

    def _node_is_ready(self) -> bool:
        return self.kubectl.succeeds("wait", f"node/{self.node.host_name}", "--for=condition=Ready", "--timeout=1s")

    def _old_settings(self) -> Settings | None:
        return _read_settings(self.state)

    def _forwarding(self, settings: Settings | None) -> tuple[int, ...]:
        """Return the ports that this cluster itself listens on."""
        forward = Supervisor(self.state / "pids" / "node", self.logs)
        if settings is None or not forward.is_running("forward"):
            return ()
        return settings.http_port, settings.api_port

    def _choose_settings(self, http_port: int, api_port: int) -> Settings:
        old = self._old_settings()
        if old is not None and (self.node.is_running() or self._slot_is_free(old.slot)):
            slot = old.slot
        else:
            slot = choose_slot(self._slots_of_others(), network.host_routes())
        settings = Settings(slot, http_port, api_port)
        (self.state / "settings.json").write_text(json.dumps(asdict(settings)))
        return settings

    def _slot_is_free(self, slot: int) -> bool:
        block = Addresses(slot).block
        taken = any(block.overlaps(route) for route in network.host_routes())
        return not taken and slot not in self._slots_of_others()

    def _slots_of_others(self) -> set[int]:
        others = (folder for folder in self._root.iterdir() if folder != self.state)
        return {settings.slot for folder in others if (settings := _read_settings(folder)) is not None}

    def _clean(self) -> None:
        for name in _VOLATILE:
            path = self.state / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one `up` or `down` of this cluster work at a time."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LocalClusterError(
                    f"Another command works on cluster {self.name!r} now. Wait until it ends."
                ) from error
            yield


def build_images(steps: Steps, names: Sequence[str]) -> dict[str, ImageRef]:
    """Build what is missing of the images, one step each.

    Raises:
        LocalClusterError: a build failed; the message has the log's last lines and place.
    """
    built: dict[str, ImageRef] = {}
    for name in names:
        with steps.step(f"Build image {name}") as step:
            built |= images.build([name])
            step.note = built[name].tag
    return built


def _read_settings(state: Path) -> Settings | None:
    try:
        return Settings(**json.loads((state / "settings.json").read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
