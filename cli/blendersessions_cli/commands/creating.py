"""The command that creates a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from blendersessions_cli import completion
from blendersessions_cli.commands.listing import session_reference, without_managed_fields
from blendersessions_cli.connection import Target, connect
from blendersessions_cli.new_session import NewSession
from blendersessions_cli.options import output, targeted, wait_seconds
from blendersessions_cli.printing import document, printable, report
from blendersessions_cli.waiting import until_ready

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions_cli.cluster import Cluster


@click.command()
@click.argument("name")
@click.option("--sample", metavar="FILE", shell_complete=completion.samples, help="Open a scene of Blender's image.")
@click.option("--url", metavar="URL", help="Open a scene that the desktop fetches, by https.")
@click.option("--sha256", metavar="HEX", help="The SHA-256 that what the URL gives must have.")
@click.option("--volume", metavar="CLAIM:PATH", help="Open a scene of a volume claim: a .blend, a .zip or a folder.")
@click.option("--upload", is_flag=True, help="Wait for a scene, which the command upload brings.")
@click.option("--class", "class_name", metavar="NAME", shell_complete=completion.classes, help="The session's class.")
@click.option("--owner", metavar="USER", help="The Guacamole user who controls the session.")
@click.option("--viewer", "viewers", metavar="USER", multiple=True, help="A user who may look. May be repeated.")
@click.option("--workspace", metavar="SIZE", help="Keep the files in a new volume of this size, such as 5Gi.")
@click.option("--workspace-claim", metavar="CLAIM", help="Keep the files in this volume claim.")
@click.option("--display", metavar="WIDTHxHEIGHT", help="The size of the desktop's screen, such as 1920x1080.")
@click.option("--dry-run", type=click.Choice(["none", "client"]), default="none", help="client: create nothing.")
@output("json", "yaml", "name")
@click.option("--wait", is_flag=True, help="Wait until the session is ready, or waits for its upload.")
@wait_seconds
@targeted
async def create(
    target: Target, name: str, *, dry_run: str, form: str | None, wait: bool, seconds: float, **wanted: object
) -> None:
    """Create the session NAME. Without a scene, Blender opens an empty one."""
    session = NewSession(name, **wanted)  # type: ignore[arg-type]
    if dry_run == "client":
        _print(session.manifest(target.namespace), form)
        if form is None:
            report(f"Session {name} would be created. Nothing was. Look at it with -o yaml.")
        return
    async with connect(target) as cluster:
        created = await cluster.create(session.manifest(cluster.namespace))
        _print(created, form)
        report(f"Session {cluster.namespace}/{name} is created. {_next_step(session, wait=wait)}".rstrip())
        if wait:
            await _wait(cluster, name, seconds)


def _print(manifest: Manifest, form: str | None) -> None:
    if form == "name":
        click.echo(printable(session_reference(manifest["metadata"]["name"])))
    elif form is not None:
        click.echo(document(without_managed_fields(manifest), form))


def _next_step(session: NewSession, *, wait: bool) -> str:
    if session.upload:
        return f"It opens the scene that you bring with the command upload {session.name} FILE."
    return "" if wait else f"Open it with the command open {session.name} --wait."


async def _wait(cluster: Cluster, name: str, seconds: float) -> None:
    found = await until_ready(cluster, name, seconds, report, or_upload=True)
    report(f"{found.label} {'waits for its scene' if found.awaits_upload else 'is ready'}.")
