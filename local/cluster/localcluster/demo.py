"""The whole way from nothing to a session that is ready."""

import os
from collections.abc import Mapping
from pathlib import Path

from localcluster import binaries, chart, packages, session
from localcluster.cluster import HTTP_NODE_PORT, Cluster
from localcluster.commands import Kubectl
from localcluster.errors import LocalClusterError
from localcluster.images import ImageBuildError, ImageRef
from localcluster.images import build as build_images
from localcluster.images.catalog import dockerfile
from localcluster.kind import HTTP_PORT as KIND_HTTP_PORT
from localcluster.kind import KindCluster
from localcluster.progress import Steps
from localcluster.session import Login


def guacamole_mode(default: str) -> str:
    """Return `apache` or `standin`: the environment's GUACAMOLE, or `default`.

    Raises:
        LocalClusterError: GUACAMOLE is something else.
    """
    mode = os.environ.get("GUACAMOLE") or default
    if mode not in {"apache", "standin"}:
        raise LocalClusterError(f"GUACAMOLE is {mode!r}; it can be `apache` or `standin`.")
    return mode


def image_names(mode: str) -> tuple[str, ...]:
    """Return the images of ours that a release with this Guacamole needs."""
    return chart.APACHE_IMAGES if mode == "apache" else chart.STANDIN_IMAGES


def build_programs(steps: Steps, names: tuple[str, ...]) -> dict[str, Path]:
    """Build what is missing of the programs, one step each."""
    wanted = binaries.missing(*names)
    for name in wanted:
        with steps.step(f"Build {name}"):
            binaries.ensure(name)
    if not wanted:
        with steps.step("Build the programs") as step:
            step.note = "all built already"
    return binaries.ensure(*names)


def build_all_images(steps: Steps, names: tuple[str, ...]) -> dict[str, ImageRef]:
    """Build what is missing of the images, one step each.

    Raises:
        LocalClusterError: a build failed; the message has the log's last lines and place.
    """
    built: dict[str, ImageRef] = {}
    for name in names:
        with steps.step(f"Build image {name}") as step:
            try:
                built |= build_images([name])
            except ImageBuildError as error:
                raise LocalClusterError(str(error)) from error
            step.note = built[name].tag
    return built


def prepare(cluster: Cluster, http_port: int, api_port: int, steps: Steps) -> None:
    """Check the machine, install packages and build the programs."""
    with steps.step("Check this machine"):
        cluster.check(http_port, api_port)
    with steps.step("Install Debian packages") as step:
        names = packages.missing()
        if names:
            packages.install(names)
        step.note = ", ".join(names) or "all there"
    build_programs(steps, binaries.CLUSTER)


def import_all(cluster: Cluster, images: Mapping[str, ImageRef], steps: Steps) -> None:
    """Bring the images to the node."""
    with steps.step("Import the images") as step:
        pairs = [(f"docker.io/{image.repository}:{image.tag}", image.archive) for image in images.values()]
        imported = cluster.import_images(pairs)
        step.note = f"{len(imported)} of {len(pairs)}; the others are there" if len(imported) < len(pairs) else "all"


def run_embedded(cluster: Cluster, http_port: int, api_port: int, steps: Steps) -> Login:
    """Run the demo on the embedded cluster and return the way into the example session."""
    mode = guacamole_mode("standin")
    prepare(cluster, http_port, api_port, steps)
    images = build_all_images(steps, image_names(mode))
    cluster.up(http_port, api_port, steps)
    import_all(cluster, images, steps)
    work = cluster.state / "etc"
    local_values = chart.values(images, public_url=cluster.http_url, node_port=HTTP_NODE_PORT)
    return install_and_open(binaries.location("helm"), cluster.kubectl, local_values, work, steps)


def run_kind(cluster: KindCluster, steps: Steps) -> Login:
    """Run the demo on kind and return the way into the example session."""
    mode = guacamole_mode("apache")
    build_programs(steps, ("kind", "kubectl", "helm"))
    with steps.step("Create the kind cluster") as step:
        step.note = "created" if cluster.up() else "runs already"
    with steps.step("Build and load the images"):
        images = cluster.build_and_load({name: dockerfile(name) for name in image_names(mode)})
    local_values = chart.values(images, public_url=f"http://127.0.0.1:{KIND_HTTP_PORT}/", node_port=HTTP_NODE_PORT)
    return install_and_open(binaries.location("helm"), cluster.kubectl, local_values, cluster.folder, steps)


def install_and_open(helm: Path, kubectl: Kubectl, local_values: str, work: Path, steps: Steps) -> Login:
    """Install the chart, create the example session and wait until it is ready."""
    with steps.step("Install the chart") as step:
        step.note = "installed" if chart.install(helm, kubectl, local_values, work) else "unchanged"
    with steps.step("Create the session shopping-cart"):
        return session.apply(kubectl)
