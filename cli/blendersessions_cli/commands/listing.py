"""The command that lists sessions, in the columns that kubectl shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from blendersessions.model.fields import section, text
from blendersessions.model.manifest import API_GROUP, API_VERSION, SESSION_KIND
from blendersessions.model.session import parse_session
from blendersessions_cli.connection import Target, connect
from blendersessions_cli.openable_session import OpenableSession, recent_ends
from blendersessions_cli.options import output, targeted
from blendersessions_cli.printing import columns, document, printable, report

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


@click.command("list")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="List the sessions of all namespaces.")
@click.option("-l", "--selector", default="", metavar="LABELS", help="Label selector, such as team=film,shot!=3.")
@output("json", "yaml", "wide", "name")
@targeted
async def list_sessions(target: Target, *, everywhere: bool, selector: str, form: str | None) -> None:
    """List the sessions of the namespace.

    The columns are those of `kubectl get blendersessions`.
    """
    async with connect(target) as cluster:
        table = await cluster.table(selector, everywhere=everywhere)
    sessions = [row["object"] for row in table["rows"]]
    if form in ("json", "yaml"):
        click.echo(document(_list_of(sessions), form))
    elif form == "name":
        for session in sessions:
            click.echo(printable(session_reference(text(section(session.get("metadata")).get("name")))))
    elif sessions:
        click.echo(columns(_rows(table, wide=form == "wide", everywhere=everywhere)))
        for end in recent_ends((OpenableSession(parse_session(each)) for each in sessions), datetime.now(UTC)):
            report(end)
    else:
        report(
            "There are no sessions." if everywhere else f"There are no sessions in the namespace {cluster.namespace}."
        )


def session_reference(name: str) -> str:
    """Return a session's name with its kind, as kubectl prints it with `-o name`."""
    return f"{SESSION_KIND.lower()}.{API_GROUP}/{name}"


def without_managed_fields(manifest: Manifest) -> Manifest:
    """Return an object without the record of who set which field, which kubectl leaves out too."""
    metadata = {name: value for name, value in section(manifest.get("metadata")).items() if name != "managedFields"}
    return {"apiVersion": API_VERSION, "kind": SESSION_KIND} | manifest | {"metadata": metadata}


def _list_of(sessions: list[Manifest]) -> Manifest:
    items = [without_managed_fields(session) for session in sessions]
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}


def _rows(table: Manifest, *, wide: bool, everywhere: bool) -> list[list[str]]:
    """Return the head and the cells of the columns that are wanted. One of a priority above 0 is for wide output."""
    definitions = table["columnDefinitions"]
    shown = [place for place, column in enumerate(definitions) if wide or not column.get("priority")]
    rows = [[str(definitions[place]["name"]).upper() for place in shown]]
    for row in table["rows"]:
        cells = row["cells"]
        rows.append(["" if cells[place] is None else str(cells[place]) for place in shown])
    if everywhere:
        spaces = (text(section(row["object"].get("metadata")).get("namespace")) for row in table["rows"])
        rows = [[space, *row] for space, row in zip(["NAMESPACE", *spaces], rows, strict=True)]
    return rows
