"""The commands that suspend and resume a session."""

from __future__ import annotations

import click

from blendersessions.model.errors import Invalid, System
from blendersessions_cli.asking import confirm_loss
from blendersessions_cli.connection import Target, connect
from blendersessions_cli.options import session_name, targeted
from blendersessions_cli.printing import report


@click.command()
@session_name
@click.option("--yes", is_flag=True, help="Lose the work in a session without a workspace, and do not ask.")
@targeted
async def suspend(target: Target, name: str, *, yes: bool) -> None:
    """Suspend the session NAME.

    Blender saves and stops, and the files in its workspace stay. Without a workspace, all work is lost when Blender
    stops. The command asks before that.
    """
    async with connect(target) as cluster:
        session = await cluster.session(name)
        if session.suspending_loses_work and not yes:
            confirm_loss(session, "suspend", "suspended")
        await cluster.scale(session, 0)
    way_back = session.why_held if session.session.held else f"Start it again with the command resume {name}."
    report(f"{session.label} is being suspended. {way_back}")


@click.command()
@session_name
@targeted
async def resume(target: Target, name: str) -> None:
    """Resume the session NAME.

    A person or the end of its lifetime suspended it. A session that is suspended in its own spec (spec.suspend) stays
    so until somebody changes the spec.
    """
    async with connect(target) as cluster:
        session = await cluster.session(name)
        if session.session.held:
            raise Invalid(f"{session.label} was not resumed. {session.why_held}", System.KUBERNETES)
        await cluster.scale(session, 1)
    report(f"{session.label} starts again. Open it with the command open {name} --wait.")
