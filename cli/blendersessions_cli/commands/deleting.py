"""The command that deletes sessions."""

from __future__ import annotations

import click

from blendersessions_cli import completion
from blendersessions_cli.asking import confirm_loss
from blendersessions_cli.connection import Target, connect
from blendersessions_cli.options import targeted, wait_seconds
from blendersessions_cli.printing import report
from blendersessions_cli.waiting import until_gone


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=completion.sessions)
@click.option("--yes", is_flag=True, help="Lose the work that goes with the session, and do not ask.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until the session is gone.")
@wait_seconds
@targeted
async def delete(target: Target, names: tuple[str, ...], *, yes: bool, wait: bool, seconds: float) -> None:
    """Delete the sessions NAME.

    Blender saves and stops, and the session and its desktop go. Files stay in a workspace that is retained, or that
    was there before the session. All other files are lost, and the command asks before that.
    """
    async with connect(target) as cluster:
        sessions = [await cluster.session(name) for name in dict.fromkeys(names)]
        for session in sessions:
            if session.deleting_loses_work and not yes:
                confirm_loss(session, "delete", "deleted")
        for session in sessions:
            await cluster.delete(session)
            report(f"{session.label} is being deleted.")
        for session in sessions if wait else ():
            await until_gone(cluster, session, seconds)
            report(f"{session.label} is gone.")
