"""The command line: the commands, their options and what they print."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import click

from blendersessions.model.errors import DomainError, Invalid, System
from blendersessions_cli import sign_in_link
from blendersessions_cli.browser import open_link
from blendersessions_cli.cluster import Target, connect
from blendersessions_cli.openable_session import recent_ends, table

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from blendersessions_cli.openable_session import OpenableSession

P = ParamSpec("P")

_TIMEOUT_SECONDS = 600


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Open Blender sessions of a Kubernetes cluster, and suspend and resume them.

    The commands use your kubeconfig and your rights, as kubectl does.
    """


def _targeted(command: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """Add the options of a `Target`, and print an expected failure as one sentence."""

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
    default=_TIMEOUT_SECONDS,
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
    until an hour after its last use: it opens everything that the user may open. Give it to nobody.

    The command keeps one token for each user in your cache folder and uses it again. So a second link does not close
    the desktop that the first one opened.
    """
    async with connect(target) as cluster:
        if wait:
            await sign_in_link.until_ready(cluster, name, seconds, _report)
        session = await cluster.session(name)
        link = await sign_in_link.link(cluster, session, username, guacamole_ca)
    for message in link.messages:
        _report(message)
    if print_only:
        click.echo(link.address)
    elif open_link(link.address):
        _report(f"{session.label} opens in your browser.")
    else:
        _report("There is no browser here: open this link in one.")
        click.echo(link.address)


@cli.command("list")
@_targeted
async def list_sessions(target: Target) -> None:
    """List the sessions of the namespace."""
    async with connect(target) as cluster:
        sessions = await cluster.sessions()
    if sessions:
        click.echo(table(sessions, datetime.now(UTC)))
        for end in recent_ends(sessions, datetime.now(UTC)):
            _report(end)
    else:
        _report(f"There are no sessions in the namespace {cluster.namespace}.")


@cli.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Lose the work in a session without a workspace, and do not ask.")
@_targeted
async def suspend(target: Target, name: str, *, yes: bool) -> None:
    """Suspend the session NAME: Blender saves and stops, and the files in its workspace stay.

    Without a workspace, all work is lost when Blender stops. The command asks before that.
    """
    async with connect(target) as cluster:
        session = await cluster.session(name)
        if session.suspending_loses_work and not yes:
            _confirm_loss(session)
        await cluster.scale(session, 0)
    way_back = session.why_held if session.session.held else f"Start it again with the command resume {name}."
    _report(f"{session.label} is being suspended. {way_back}")


def _confirm_loss(session: OpenableSession) -> None:
    """Ask whether the work in a session without a workspace may be lost.

    Raises:
        Invalid: there is nobody to ask, or the person says no.
    """
    loss = "has no workspace. What was made in it is lost."
    if not sys.stdin.isatty():
        raise Invalid(
            f"{session.label} {loss} It was not suspended, since there is no terminal to ask you in. Copy out first"
            " what you want to keep, with kubectl cp. Then suspend it with the option --yes.",
            System.OWN,
        )
    if not click.confirm(f"{session.label} {loss} Suspend it?", err=True):
        raise Invalid(f"{session.label} was not suspended.", System.OWN)


@cli.command()
@click.argument("name")
@_targeted
async def resume(target: Target, name: str) -> None:
    """Resume the session NAME, which a person or the end of its lifetime suspended.

    A session that is suspended in its own spec (spec.suspend) stays so until somebody changes the spec.
    """
    async with connect(target) as cluster:
        session = await cluster.session(name)
        if session.session.held:
            raise Invalid(f"{session.label} was not resumed. {session.why_held}", System.KUBERNETES)
        await cluster.scale(session, 1)
    _report(f"{session.label} starts again. Open it with the command open {name} --wait.")


@cli.command()
@click.argument("name")
@_wait_seconds
@_targeted
async def wait(target: Target, name: str, seconds: float) -> None:
    """Wait until the session NAME is ready. The exit code is 1 if it is not ready in time, or cannot become ready."""
    async with connect(target) as cluster:
        session = await sign_in_link.until_ready(cluster, name, seconds, _report)
    _report(f"{session.label} is ready.")
    for end in recent_ends([session], datetime.now(UTC)):
        _report(end)


def _report(text: str) -> None:
    """Write a message to standard error. Standard output is for what programs read."""
    click.echo(text, err=True)
