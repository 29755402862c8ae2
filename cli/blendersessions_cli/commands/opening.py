"""The commands that open a session, and wait for one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from blendersessions_cli import sign_in_link
from blendersessions_cli.browser import open_link
from blendersessions_cli.connection import Target, connect
from blendersessions_cli.openable_session import recent_ends
from blendersessions_cli.options import session_name, targeted, wait_seconds
from blendersessions_cli.printing import report
from blendersessions_cli.waiting import until_ready


@click.command("open")
@session_name
@click.option("--as", "username", metavar="USER", help="One of the session's viewers.  [default: its owner]")
@click.option("--print", "print_only", is_flag=True, help="Print the link instead of opening it in the browser.")
@click.option("--wait", is_flag=True, help="Wait until the session is ready.")
@wait_seconds
@click.option(
    "--guacamole-ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="BLENDERSESSIONS_GUACAMOLE_CA_FILE",
    help="A private CA that signed the certificate of Guacamole's address.",
)
@targeted
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
            await until_ready(cluster, name, seconds, report)
        session = await cluster.session(name)
        link = await sign_in_link.link(cluster, session, username, guacamole_ca)
    for message in link.messages:
        report(message)
    if print_only:
        click.echo(link.address)
    elif open_link(link.address):
        report(f"{session.label} opens in your browser.")
    else:
        report("There is no browser here: open this link in one.")
        click.echo(link.address)


@click.command()
@session_name
@wait_seconds
@targeted
async def wait(target: Target, name: str, seconds: float) -> None:
    """Wait until the session NAME is ready.

    The exit code is 1 if it is not ready in time, or cannot become ready.
    """
    async with connect(target) as cluster:
        session = await until_ready(cluster, name, seconds, report)
    report(f"{session.label} is ready.")
    for end in recent_ends([session], datetime.now(UTC)):
        report(end)
