"""The command line: the commands, their options and what they print."""

from __future__ import annotations

import click

from blendersessions_cli.commands import creating, deleting, files, listing, opening, suspending
from blendersessions_cli.options import Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Work with the Blender sessions of a Kubernetes cluster: make and open them, bring files in and out, end them.

    The commands use your kubeconfig and your rights, as kubectl does.
    """


for command in (
    creating.create,
    listing.list_sessions,
    opening.open_session,
    opening.wait,
    files.files,
    files.upload,
    files.download,
    files.delete_file,
    suspending.suspend,
    suspending.resume,
    deleting.delete,
):
    cli.add_command(command)
