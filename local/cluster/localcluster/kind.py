"""The demo on kind, for machines with a Docker engine."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcluster import binaries, paths, preflight
from localcluster.commands import Kubectl, run, run_logged
from localcluster.errors import LocalClusterError
from localcluster.images import ImageRef

_CONFIG = paths.REPOSITORY / "kind-config.yaml"
PROGRAMS = ("kind", "kubectl", "helm")
"""The programs that kind's demo needs."""
HTTP_PORT = 8080
"""The port on the host that `kind-config.yaml` maps to the proxy's node port."""


def _docker_root() -> Path | None:
    """Return the folder of the engine's images, or None if it is unknown or on another machine."""
    try:
        root = Path(run(["docker", "info", "--format={{.DockerRootDir}}"], timeout=10).strip())
    except LocalClusterError:
        return None
    return root if root.is_absolute() and root.exists() else None


def docker_answers() -> bool:
    """Return whether a Docker engine answers this user within 10 seconds."""
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@dataclass(frozen=True)
class KindCluster:
    """The kind cluster called `blender-sessions-NAME`."""

    name: str

    @property
    def _kind_name(self) -> str:
        return f"blender-sessions-{self.name}"

    @property
    def _kind(self) -> str:
        return str(binaries.ensure("kind")["kind"])

    @property
    def folder(self) -> Path:
        """The folder of the cluster's kubeconfig and logs, in the user's cache: kind does not need root."""
        return paths.cache() / "kind" / self.name

    @property
    def kubectl(self) -> Kubectl:
        """The command kubectl for this cluster."""
        return Kubectl(binaries.location("kubectl"), self.folder / "kubeconfig")

    def exists(self) -> bool:
        """Return whether kind knows the cluster."""
        return self._kind_name in run([self._kind, "get", "clusters"]).split()

    def check(self) -> None:
        """Check that this machine can run the cluster.

        Raises:
            LocalClusterError: it cannot. The message lists all problems.
        """
        answers = docker_answers()
        docker = _docker_root() if answers else None
        folders = {"cache": paths.cache(), **({"docker": docker} if docker else {})}
        first = bool(binaries.missing(*PROGRAMS)) or not self.kubectl.kubeconfig.exists()
        ports = () if answers and not first and self.exists() else (HTTP_PORT,)
        facts = preflight.gather(folders, ports)
        filled = set() if first else set(folders)
        preflight.check(preflight.kind_problems(facts, filled=filled, docker_answers=answers))

    def up(self) -> bool:
        """Create the cluster unless it exists, and return whether it was created."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.exists():
            return False
        options = [f"--name={self._kind_name}", f"--config={_CONFIG}", "--wait=120s"]
        command = [self._kind, "create", "cluster", *options, f"--kubeconfig={self.kubectl.kubeconfig}"]
        run_logged(command, self.folder / "logs" / "kind.log", "kind could not create the cluster.")
        return True

    def build_and_load(self, dockerfiles: Mapping[str, Path]) -> dict[str, ImageRef]:
        """Build images with Docker, load them into the node, and return them by name.

        Args:
            dockerfiles: the path of each image's Dockerfile, by the image's name.

        Raises:
            LocalClusterError: a build failed, or an image could not be loaded.
        """
        images = {}
        for name, dockerfile in dockerfiles.items():
            log = self.folder / "logs" / f"image-{name}.log"
            build = ["docker", "build", "--quiet", f"--file={dockerfile}"]
            run_logged([*build, f"--tag=blender-sessions/{name}", str(paths.REPOSITORY)], log, f"Image {name} failed.")
            # The tag is a hash of the content, so the chart rolls out only the images that changed.
            identity = run(["docker", "image", "inspect", "--format={{.Id}}", f"blender-sessions/{name}"]).strip()
            tag = identity.rpartition(":")[2][:12]
            reference = f"blender-sessions/{name}:{tag}"
            run(["docker", "tag", f"blender-sessions/{name}", reference])
            load = [self._kind, "load", "docker-image", reference, f"--name={self._kind_name}"]
            run_logged(load, log, f"Image {name} could not be loaded into kind.")
            images[name] = ImageRef(f"blender-sessions/{name}", tag, Path())
        return images

    def down(self) -> None:
        """Delete the cluster, if it exists, and its folder."""
        if self.exists():
            run([self._kind, "delete", "cluster", f"--name={self._kind_name}"], timeout=180)
        shutil.rmtree(self.folder, ignore_errors=True)
