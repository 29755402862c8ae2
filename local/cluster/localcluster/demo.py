"""The demo: from an empty machine to a session that is ready."""

from pathlib import Path

from localcluster import binaries, chart, kind, packages, session
from localcluster.cluster import Cluster
from localcluster.commands import Kubectl
from localcluster.images.catalog import dockerfile
from localcluster.kind import HTTP_PORT as KIND_HTTP_PORT
from localcluster.kind import KindCluster
from localcluster.progress import Steps
from localcluster.session import Login


def build_programs(steps: Steps, names: tuple[str, ...]) -> dict[str, Path]:
    """Build the programs that are not built yet, each in a step of its own. Return the paths of all."""
    wanted = binaries.missing(*names)
    for name in wanted:
        with steps.step(f"Build {name}"):
            binaries.ensure(name)
    if not wanted:
        with steps.step("Build the programs") as step:
            step.note = "all built already"
    return binaries.ensure(*names)


def install_packages(steps: Steps) -> None:
    """Install the Debian packages that the cluster and the image builds need."""
    with steps.step("Install Debian packages") as step:
        step.note = ", ".join(packages.ensure()) or "all installed already"


def prepare(cluster: Cluster, http_port: int, api_port: int, steps: Steps) -> None:
    """Check the machine, install Debian packages and build the programs."""
    with steps.step("Check this machine"):
        cluster.check(http_port, api_port)
    install_packages(steps)
    build_programs(steps, binaries.ALL)


def run_embedded(cluster: Cluster, http_port: int, api_port: int, steps: Steps) -> Login:
    """Run the demo on the embedded cluster, and return the log-in for the example session."""
    prepare(cluster, http_port, api_port, steps)
    # The images are built first, while the cluster does not yet use the processor and the memory.
    images = cluster.build_images(steps)
    cluster.up(http_port, api_port, steps)
    cluster.install(steps, images)
    return open_session(cluster.kubectl, steps)


def run_kind(cluster: KindCluster, steps: Steps) -> Login:
    """Run the demo on kind, and return the log-in for the example session."""
    mode = chart.guacamole_mode("apache")
    with steps.step("Check this machine"):
        cluster.check()
    build_programs(steps, kind.PROGRAMS)
    with steps.step("Create the kind cluster") as step:
        step.note = "created" if cluster.up() else "runs already"
    with steps.step("Build and load the images"):
        images = cluster.build_and_load({name: dockerfile(name) for name in chart.image_names(mode)})
    url = f"http://127.0.0.1:{KIND_HTTP_PORT}/"
    local_values = chart.values(images, public_url=url)
    with steps.step("Install the chart") as step:
        installed = chart.install(binaries.location("helm"), cluster.kubectl, local_values, cluster.folder)
        step.note = "installed" if installed else "unchanged"
    return open_session(cluster.kubectl, steps)


def open_session(kubectl: Kubectl, steps: Steps) -> Login:
    """Create the example session and wait until it is ready."""
    with steps.step("Create the session shopping-cart"):
        return session.apply(kubectl)
