"""Asks a person before work or a file is lost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from blendersessions.model.errors import Conflict, Invalid, System
from blendersessions.model.files import Files
from blendersessions_cli.printing import printable

if TYPE_CHECKING:
    from blendersessions_cli.openable_session import OpenableSession


def confirm_replacement(taken: str, way_out: str) -> None:
    """Ask whether files may be replaced.

    Args:
        taken: a sentence that says which files are there already.
        way_out: a sentence that says what to do where there is nobody to ask.

    Raises:
        Conflict: there is nobody to ask.
        Invalid: the person says no.
    """
    if not sys.stdin.isatty():
        raise Conflict(f"{taken} {way_out}", System.OWN)
    if not click.confirm(printable(f"{taken} Replace?"), err=True):
        raise Invalid("Nothing was replaced.", System.OWN)


def confirm_loss(session: OpenableSession, verb: str, participle: str) -> None:
    """Ask whether the work in a session may be lost.

    Args:
        session: the session.
        verb: what is to be done with it: `suspend` or `delete`.
        participle: the same, done.

    Raises:
        Invalid: there is nobody to ask, or the person says no.
    """
    loss = "has no workspace. What was made in it is lost."
    way_out = "Copy out first what you want to keep, with the command download."
    if session.session.files is Files.DELETED:
        loss = "has a workspace that is deleted with it. What was made in it is lost."
    if not sys.stdin.isatty():
        raise Invalid(
            f"{session.label} {loss} It was not {participle}, since there is no terminal to ask you in. {way_out} Then"
            f" {verb} it with the option --yes.",
            System.OWN,
        )
    if not click.confirm(printable(f"{session.label} {loss} {verb.capitalize()} it?"), err=True):
        raise Invalid(f"{session.label} was not {participle}.", System.OWN)
