"""Command line: `python -m localcluster COMMAND`."""

import sys
import time
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from localcluster import binaries, demo, release
from localcluster.cluster import Cluster
from localcluster.commands import Kubectl
from localcluster.errors import LocalClusterError
from localcluster.images import NAMES
from localcluster.images.catalog import blender_recipe, recipe
from localcluster.kind import HTTP_PORT as KIND_HTTP_PORT
from localcluster.kind import KindCluster, docker_answers
from localcluster.progress import Steps
from localcluster.session import NAME as SESSION
from localcluster.session import Login

console = Console(soft_wrap=True)

Command = Callable[..., None]


def with_name(command: Command) -> Command:
    """Add the option for the cluster's name."""
    return click.option("--name", default="demo", show_default=True, help="The cluster's name.")(command)


def with_ports(command: Command) -> Command:
    """Add the options for the ports."""
    for option, what in (("--api-port", "the API server"), ("--http-port", "the portal")):
        text = f"Port on 127.0.0.1 for {what}. The clusters `demo` and `test` have a default."
        command = click.option(option, type=click.IntRange(1, 65535), help=text)(command)
    return command


@click.group()
def main() -> None:
    """Run a real one-node Kubernetes on this machine, and Blender sessions on it."""


@main.command()
@click.argument("names", nargs=-1)
def build(names: tuple[str, ...]) -> None:
    """Build the cluster's programs: all, or the named ones."""
    demo.build_programs(Steps(console), names or binaries.ALL)


@main.command()
@click.argument("names", nargs=-1)
@click.option("--blender", help="Build only the image with this version of Blender, such as 5.2.")
@click.option("--blender-url", default="", help="Take an official build: an https address, or the path of an archive.")
@click.option("--blender-sha256", default="", help="The SHA-256 of that archive.")
def images(names: tuple[str, ...], blender: str | None, blender_url: str, blender_sha256: str) -> None:
    """Build the container images: all, or the named ones."""
    unknown = set(names) - set(NAMES)
    if unknown:
        raise LocalClusterError(f"There is no image {', '.join(sorted(unknown))}. The images are: {', '.join(NAMES)}.")
    recipes = [recipe(name) for name in names]
    if blender:
        recipes.append(blender_recipe(blender, blender_url, blender_sha256))
    elif blender_url or blender_sha256:
        raise LocalClusterError("Say by BLENDER which version the official build has, for instance BLENDER=5.2.")
    steps = Steps(console)
    demo.install_packages(steps)
    for image in release.build_recipes(steps, recipes or [recipe(name) for name in NAMES]).values():
        console.print(f"{image.reference}  {image.archive}", highlight=False)


@main.command()
@with_name
@with_ports
def up(name: str, http_port: int | None, api_port: int | None) -> None:
    """Start the embedded cluster without the chart and the example session."""
    cluster = Cluster(name)
    http, api = cluster.ports(http_port, api_port)
    steps = Steps(console)
    demo.prepare(cluster, http, api, steps)
    cluster.up(http, api, steps)
    _print_kubectl(cluster.kubectl)


@main.command("demo")
@with_name
@with_ports
@click.option(
    "--engine",
    type=click.Choice(["auto", "embedded", "kind"]),
    default="auto",
    show_default=True,
    help="auto: kind if a Docker engine answers, otherwise embedded.",
)
def run_demo(name: str, http_port: int | None, api_port: int | None, engine: str) -> None:
    """Start a cluster, install the chart, and wait until the example session is ready."""
    begun = time.monotonic()
    steps = Steps(console)
    if engine == "kind" or (engine == "auto" and docker_answers()):
        if http_port or api_port:
            raise LocalClusterError(
                "kind takes its ports from kind-config.yaml. Only the embedded cluster has --http-port and --api-port."
            )
        kind = KindCluster(name)
        login, url, kubectl = demo.run_kind(kind, steps), f"http://127.0.0.1:{KIND_HTTP_PORT}/", kind.kubectl
    else:
        cluster = Cluster(name)
        login = demo.run_embedded(cluster, *cluster.ports(http_port, api_port), steps)
        url, kubectl = cluster.http_url, cluster.kubectl
    console.print(f"\nReady after {time.monotonic() - begun:.0f} s.", highlight=False)
    _print_login(login, url)
    _print_kubectl(kubectl)


@main.command()
@with_name
def status(name: str) -> None:
    """Show the state of the cluster and of its components."""
    kind = KindCluster(name)
    if kind.folder.exists():
        console.print(f"kind cluster {name}: {'exists' if kind.exists() else 'does not exist'}")
        _print_kubectl(kind.kubectl)
        return
    cluster = Cluster(name)
    if not cluster.node.is_running():
        console.print(f"Cluster {name} does not run. Start it with `make demo`.")
        sys.exit(1)
    table = Table("component", "state", Column("log", overflow="fold"), box=None)
    components = list(cluster.components())
    for component, runs, log in components:
        table.add_row(component, "[green]running[/green]" if runs else "[red]ended[/red]", str(log))
    console.print(table)
    console.print(f"API: {'answers' if cluster.is_up() else 'does not answer'}\nPortal: {cluster.http_url}")
    _print_kubectl(cluster.kubectl)
    if not cluster.is_up() or not all(runs for _, runs, _ in components):
        console.print("The cluster is incomplete. `make demo` restarts what has ended, and the logs have the reason.")
        sys.exit(1)


@main.command()
@with_name
def kubeconfig(name: str) -> None:
    """Print the path of the cluster's kubeconfig."""
    kind = KindCluster(name)
    path = kind.kubectl.kubeconfig if kind.folder.exists() else Cluster(name).kubeconfig
    if not path.exists():
        raise LocalClusterError(f"Cluster {name!r} does not run, so it has no kubeconfig. Start it with `make demo`.")
    click.echo(path)


@main.command()
@with_name
@click.option("--purge", is_flag=True, help="Also remove the cluster's image store, logs and settings.")
def down(name: str, *, purge: bool) -> None:
    """Stop the cluster and remove its objects and volumes. Nothing stays running, mounted or routed."""
    kind = KindCluster(name)
    with Steps(console).step(f"Take down cluster {name}"):
        if kind.folder.exists():
            kind.down()
        Cluster(name).down(purge=purge)


def _print_login(login: Login, url: str) -> None:
    console.print(f"  Portal:   {url}", highlight=False)
    console.print(f"  Session:  {login.client_url}", highlight=False)
    console.print(f"  Log in:   {login.username} with the password {login.password}", highlight=False)
    console.print(f"  Look:     kubectl get bs {SESSION} -o wide", highlight=False)


def _print_kubectl(kubectl: Kubectl) -> None:
    console.print(f"  kubectl:  {kubectl.binary} --kubeconfig={kubectl.kubeconfig}", highlight=False)


def run(**options: Any) -> None:  # noqa: ANN401 - click's own
    """Run the command line. A LocalClusterError ends it with the message alone, without a traceback."""
    try:
        main(**options)
    except LocalClusterError as error:
        stderr = Console(stderr=True, soft_wrap=True)
        stderr.print("Error:", style="bold red")
        stderr.print(str(error), highlight=False, markup=False)
        sys.exit(1)


if __name__ == "__main__":
    run(prog_name="python -m localcluster")
