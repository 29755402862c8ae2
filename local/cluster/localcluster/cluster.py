"""One embedded cluster: it is started, stopped and described here."""

import fcntl
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from localcluster import binaries, chart, network, packages, paths, preflight, release, runtime, settings, startup
from localcluster.addresses import Addresses
from localcluster.commands import Kubectl
from localcluster.components import Supervisor
from localcluster.errors import LocalClusterError
from localcluster.images import ImageRef
from localcluster.node import Node
from localcluster.progress import Steps
from localcluster.settings import Settings
from localcluster.startup import Startup
from localcluster.volumes import FOLDER as VOLUMES

_NAME = re.compile(r"[a-z][a-z0-9-]{0,10}[a-z0-9]|[a-z]")
# The files of a running node, which are useless without it. Volumes are among them, because their claims are in etcd's
# data. The image store, the logs and the settings stay.
_VOLATILE = ("etcd", "pki", "kubelet", "cni", "pids", "etc", "var-log", "node-ready", "kubeconfig", VOLUMES)


class Cluster:
    """The embedded cluster called `name`.

    Raises:
        LocalClusterError: the name is not valid.
    """

    def __init__(self, name: str, root: Path = paths.STATE_ROOT) -> None:
        if not _NAME.fullmatch(name):
            raise LocalClusterError(
                f"{name!r} cannot name a cluster: use at most 12 lower-case letters, digits and hyphens, "
                "with a letter first and no hyphen last."
            )
        self.name = name
        self.state = root / name
        self.node = Node(name, self.state)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig. The file exists while the cluster is up."""
        return self.state / "kubeconfig"

    @property
    def logs(self) -> Path:
        """The folder with one log per component."""
        return self.state / "logs"

    @property
    def settings(self) -> Settings:
        """The cluster's settings.

        Raises:
            LocalClusterError: the cluster was never started, or `down --purge` removed it.
        """
        found = settings.read(self.state)
        if found is None:
            raise LocalClusterError(f"There is no cluster {self.name!r}. Start it with `up` or `demo`.")
        return found

    @property
    def addresses(self) -> Addresses:
        """The cluster's addresses."""
        return self.settings.addresses

    @property
    def http_url(self) -> str:
        """The URL of the portal on this machine, with a trailing slash."""
        return f"http://127.0.0.1:{self.settings.http_port}/"

    @property
    def session_namespace(self) -> str:
        """The namespace in which the portal creates sessions."""
        return chart.SESSION_NAMESPACE

    @property
    def kubectl(self) -> Kubectl:
        """The command kubectl for this cluster."""
        return Kubectl(binaries.location("kubectl"), self.kubeconfig)

    def is_up(self) -> bool:
        """Return whether the node runs and the API answers."""
        runs = self.node.is_running() and self.kubeconfig.exists()
        return runs and startup.api_answers(self.state, self.settings)

    def check(self, http_port: int, api_port: int) -> None:
        """Check that the machine can run this cluster on these ports of 127.0.0.1.

        Raises:
            LocalClusterError: it cannot. The message lists all problems.
        """
        ports = [port for port in (http_port, api_port) if port not in self._forwarded()]
        facts = preflight.gather({"cache": paths.cache(), "state": self.state}, ports)
        filled = {"cache": not binaries.missing(*binaries.ALL), "state": (self.state / "containerd").exists()}
        names = {name for name, has in filled.items() if has}
        preflight.check(preflight.problems(facts, filled=names, missing_packages=packages.missing()))
        release.check()

    def ports(self, http_port: int | None, api_port: int | None) -> tuple[int, int]:
        """Return the ports on 127.0.0.1 for the portal and the API: the given ones, or the defaults for this name.

        Raises:
            LocalClusterError: there is no default for this name, or both ports are the same.
        """
        return settings.ports(self.name, http_port, api_port)

    def up(self, http_port: int | None = None, api_port: int | None = None, steps: Steps | None = None) -> None:
        """Start the cluster. Programs that already run as they should are left alone.

        Args:
            http_port: the port on 127.0.0.1 that leads to the proxy's node port.
            api_port: the port on 127.0.0.1 that leads to the API server.
            steps: prints the progress.

        Raises:
            LocalClusterError: a step failed. The message names the step and the reason. Problems of the machine are
                found by `check` only.
        """
        steps = steps or Steps()
        with self._lock():
            built = binaries.ensure(*binaries.ALL)
            with steps.step("Start the node") as step:
                fresh = self._start_node(built["pause"], *self.ports(http_port, api_port))
                step.note = f"{self.node.host_name}, {self.addresses.node}" if fresh else "runs already"
            start = Startup(self.node, self.settings, built, self.kubectl)
            with steps.step("Start the control plane"):
                access = start.control_plane()
            with steps.step("Start containerd, kubelet and kube-proxy"):
                start.node_services(access, fresh=fresh)
            with steps.step("Enforce network policies") as step:
                step.note = start.walls(access)
            with steps.step("Start storage and the cluster's DNS"):
                start.storage(access)
                start.cluster_dns()

    def build_images(self, steps: Steps | None = None) -> dict[str, ImageRef]:
        """Build the images that the chart needs here, as far as they are not built yet.

        Raises:
            LocalClusterError: a build failed. The message has the last lines and the path of the log.
        """
        return release.build_images(steps or Steps())

    def install(self, steps: Steps | None = None, images: Mapping[str, ImageRef] | None = None) -> None:
        """Import the images, and install the chart or upgrade it.

        Args:
            steps: prints the progress.
            images: our images by name. By default, they are built.

        Raises:
            LocalClusterError: a step failed. The message names the step and the reason.
        """
        steps = steps or Steps()
        if images is None:
            images = self.build_images(steps)
        with self._lock(), steps.step("Import the images") as step:
            pairs = release.archives(images)
            step.note = f"{len(self.import_images(pairs))} of {len(pairs)} were missing"
        with self._lock(), steps.step("Install the chart") as step:
            values = chart.values(images, public_url=self.http_url)
            helm = binaries.ensure("helm")["helm"]
            step.note = "installed" if chart.install(helm, self.kubectl, values, self.state / "etc") else "unchanged"

    def import_images(self, images: Sequence[tuple[str, Path]]) -> list[str]:
        """Import the images that the node lacks, given as (reference, archive). Return the imported references.

        Former builds of the same images are removed, unless a container uses them.
        """
        supervisor = self.node.supervisor()
        imported = [reference for reference, path in images if runtime.import_image(supervisor, reference, path)]
        runtime.remove_former_images(supervisor, [reference for reference, _ in images])
        return imported

    def down(self, *, purge: bool = False) -> None:
        """Stop the cluster. Nothing stays running, mounted or routed, and objects and volumes are removed.

        Args:
            purge: also remove the image store, the logs and the settings, which the next `up` would use.

        Raises:
            LocalClusterError: another command works on the cluster, or a process cannot be ended.
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
        """Yield (name, whether it runs, log) for each component that was started."""
        supervisor = Supervisor(self.state / "pids" / "node", self.logs)
        for name in supervisor.names():
            yield name, supervisor.is_running(name), supervisor.log(name)

    def _start_node(self, pause: Path, http_port: int, api_port: int) -> bool:
        """Start the node and connect it with the host, unless it runs. Return whether it was started."""
        fresh = not self.node.is_running()
        if fresh:
            self._clean()
        chosen = settings.choose(self.state, http_port, api_port, runs=not fresh)
        (self.state / "etc").mkdir(exist_ok=True)
        # The file is empty, because no name server can be reached from the node.
        (self.state / "etc" / "resolv.conf").write_text("")
        self.node.start(pause)
        network.connect(self.name, self.node.init(), chosen.addresses)
        return fresh

    def _forwarded(self) -> tuple[int, ...]:
        """Return the ports on which this cluster itself listens."""
        forward = Supervisor(self.state / "pids" / "node", self.logs)
        found = settings.read(self.state)
        if found is None or not forward.is_running("forward"):
            return ()
        return found.http_port, found.api_port

    def _clean(self) -> None:
        for name in _VOLATILE:
            path = self.state / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Exclude other commands on this cluster during the block.

        Raises:
            LocalClusterError: another command works on the cluster.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LocalClusterError(
                    f"Another command works on cluster {self.name!r}. Wait until it ends."
                ) from error
            yield
