"""The command line: what each command is called, takes and prints."""

from __future__ import annotations

import asyncio
import webbrowser
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import click

from blendersessions.model import suspension
from blendersessions.model.errors import DomainError, Invalid, System
from blendersessions_cli import sign_in_link
from blendersessions_cli.cluster import Target, connect
from blendersessions_cli.openable_session import table

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")

_TIMEOUT = 600


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Open Blender sessions of a Kubernetes cluster, and suspend and resume them.

    Everything goes by your kubeconfig and your rights, as with kubectl.
    """


def _targeted(command: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """Add the options that say where to look, and turn expected failures into one line of text."""

    @click.option("-n", "--namespace", help="Namespace of the session.  [default: the context's]")
    @click.option("--context", help="Context of the kubeconfig.  [default: the current one]")
    @click.option("--kubeconfig", help="Path of the kubeconfig.  [default: KUBECONFIG, or ~/.kube/config]")
    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> None:
        where = {name: options.pop(name) for name in ("namespace", "context", "kubeconfig")}
        options["target"] = Target(**where)  # type: ignore[arg-type]
        try:
            asyncio.run(command(*args, **options))
        except DomainError as error:
            raise click.ClickException(str(error)) from error

    return run


_wait_seconds = click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0),
    default=_TIMEOUT,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait.",
)


@cli.command("open")
@click.argument("name")
@click.option("--as", "username", metavar="USER", help="One of the session's viewers.  [default: its owner]")
@click.option("--print", "print_only", is_flag=True, help="Print the link instead of opening it in the browser.")
@click.option("--wait", is_flag=True, help="Wait until the session is ready.")
@_wait_seconds
@click.option(
    "--guacamole-ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="BLENDERSESSIONS_GUACAMOLE_CA_FILE",
    help="A private CA that signed the certificate of Guacamole's address.",
)
@_targeted
async def open_session(
    target: Target,
    name: str,
    username: str | None,
    *,
    print_only: bool,
    wait: bool,
    seconds: float,
    guacamole_ca: Path | None,
) -> None:
    """Open the session NAME in the browser, signed in.

    The sign-in comes from the user's Secret, which you must be allowed to read. The link is as good as a password
    until an hour after its last use: it opens all that the user may open. Give it to nobody.

    One token is kept for each user in your cache folder and used again, so that a second link does not close the
    desktop of the first.
    """
    async with connect(target) as cluster:
        if wait:
            await sign_in_link.until_ready(cluster, name, seconds, _tell)
        session = await cluster.session(name)
        link = await sign_in_link.link(cluster, session, username, guacamole_ca)
    for note in link.notes:
        _tell(note)
    if print_only:
        click.echo(link.address)
    elif webbrowser.open(link.address):
        _tell(f"{session.label} is opened in your browser.")
    else:
        _tell("There is no browser here: open this link in one.")
        click.echo(link.address)


@cli.command("list")
@_targeted
async def list_sessions(target: Target) -> None:
    """List the sessions of the namespace."""
    async with connect(target) as cluster:
        sessions = await cluster.sessions()
    if sessions:
        click.echo(table(sessions, datetime.now(UTC)))
    else:
        _tell(f"There are no sessions in the namespace {cluster.namespace}.")


@cli.command()
@click.argument("name")
@_targeted
async def suspend(target: Target, name: str) -> None:
    """Suspend the session NAME: Blender saves and stops, and what is on its workspace stays.

    Without a workspace, all that was made is lost when Blender stops.
    """
    async with connect(target) as cluster:
        changed = await cluster.change(name, suspension.suspend_patch())
    if not changed.session.suspend_requested:
        raise Invalid(
            "This cluster's BlenderSessions cannot be suspended: their CRD is older than this command.",
            System.KUBERNETES,
        )
    _tell(f"{changed.label} is being suspended. Have it back with the command resume {name}.")


@cli.command()
@click.argument("name")
@_targeted
async def resume(target: Target, name: str) -> None:
    """Resume the session NAME, whether a person suspended it or its time was over."""
    async with connect(target) as cluster:
        session = await cluster.change(name, suspension.resume_patch(datetime.now(UTC)))
    _tell(f"{session.label} starts again. Open it with the command open {name} --wait.")


@cli.command()
@click.argument("name")
@_wait_seconds
@_targeted
async def wait(target: Target, name: str, seconds: float) -> None:
    """Wait until the session NAME is ready; ends with code 1 when it is not, or cannot become so."""
    async with connect(target) as cluster:
        session = await sign_in_link.until_ready(cluster, name, seconds, _tell)
    _tell(f"{session.label} is ready.")


def _tell(text: str) -> None:
    """Say something to the person; standard output is for what programs read."""
    click.echo(text, err=True)
