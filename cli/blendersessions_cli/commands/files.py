"""The commands for the files of a session: list them, bring them in and out, and delete them."""

from __future__ import annotations

import posixpath
import sys
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from blendersessions.model.errors import AlreadyThere, Conflict, Invalid, NotFound, System
from blendersessions.model.fields import timestamp
from blendersessions_cli.asking import confirm_replacement
from blendersessions_cli.connection import Target, connect
from blendersessions_cli.local_files import HOW_TO_REPLACE, PartialFile, is_control, local_name
from blendersessions_cli.options import output, session_name, targeted
from blendersessions_cli.printing import age, columns, document, printable, report, size
from blendersessions_cli.progress import Progress
from blendersessions_cli.transfers import (
    STREAM,
    archived,
    find_begun,
    opened_for_upload,
    parts_of,
    received,
    to_file,
    to_stream,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.clients.agent_files import AgentFiles
    from blendersessions.clients.desktop_folder import FolderEntry
    from blendersessions_cli.openable_session import OpenableSession

_SCENES: Final = (".blend", ".zip")
_HOW_TO_REPLACE: Final = "Replace with --force, or give another name with --name."


@click.command()
@session_name
@click.argument("path", default="")
@output("json", "yaml", "wide", "name")
@targeted
async def files(target: Target, name: str, path: str, *, form: str | None) -> None:
    """List the files of the session NAME.

    PATH is a folder in its home folder. Without one, the home folder itself is listed.
    """
    folder = _in_home(path)
    async with connect(target) as cluster, cluster.files(await cluster.session(name)) as desktop:
        listed = await desktop.list(folder)
    entries = listed.entries
    if form in ("json", "yaml"):
        items = [_item(entry) for entry in entries]
        click.echo(document({"path": folder, "files": items, "truncated": listed.truncated}, form))
    elif form == "name":
        for entry in entries:
            # A name that begins with a dash is no option of the next command.
            place = posixpath.join(folder, entry.name)
            click.echo(printable(f"./{place}" if place.startswith("-") else place))
    elif entries:
        click.echo(columns(_rows(entries, datetime.now(UTC), wide=form == "wide")))
    else:
        report("The folder is empty.")
    if listed.truncated:
        report("The folder holds more files than are listed.")


@click.command()
@session_name
@click.argument("sources", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--to", "folder", metavar="DIR", default="", help="Folder in the session.  [default: the home folder]")
@click.option("--name", "as_name", metavar="NAME", help="The file's name in the session; needed for standard input.")
@click.option(
    "--open/--no-open",
    "opens",
    default=None,
    help="Have Blender open the file, a .blend or a .zip.  [default: if the session waits for its scene]",
)
@click.option("--force", is_flag=True, help="Replace files that are there already, and do not ask.")
@targeted
async def upload(
    target: Target,
    name: str,
    sources: tuple[str, ...],
    *,
    folder: str,
    as_name: str | None,
    opens: bool | None,
    force: bool,
) -> None:
    """Bring files into the session NAME.

    A FILE of `-` is standard input.

    A file that is there already is replaced only if you say so, when all of the new one has arrived. A scene that
    Blender opens gets a free name.
    """
    if as_name and len(sources) > 1:
        raise Invalid("--name is for one FILE.", System.OWN)
    names = {source: as_name or _name_of(source) for source in sources}
    if len(set(names.values())) < len(names):
        raise Invalid("Two of the files have the same name. Upload them one by one, with --name.", System.OWN)
    async with connect(target) as cluster:
        session = await cluster.session(name)
        scene = _scene_among(session, names, folder, opens)
        async with cluster.files(session) as desktop:
            places = {source: _in_home(posixpath.join(folder, each)) for source, each in names.items()}
            stored = [place for source, place in places.items() if source != scene]
            replaced = stored if force else await _confirmed(desktop, stored)
            # The scene comes last: what it needs is there then.
            for source in sorted(places, key=lambda each: each == scene):
                place = places[source]
                await _send(desktop, source, place, opens=source == scene, replace=place in replaced)


@click.command()
@session_name
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--to", "folder", metavar="DIR", default=".", show_default=True, help="Folder here; - is standard output."
)
@click.option("--force", is_flag=True, help="Replace files that are there already, and do not ask.")
@targeted
async def download(target: Target, name: str, paths: tuple[str, ...], *, folder: str, force: bool) -> None:
    """Bring files out of the session NAME.

    A PATH that is a folder comes as a .zip, and `.` is the home folder. A download that was interrupted goes on where
    it ended when it is asked for again. A file that is there already is replaced only if you say so.
    """
    if folder == STREAM and len(paths) > 1:
        raise Invalid("One PATH alone can be written to standard output.", System.OWN)
    async with connect(target) as cluster, cluster.files(await cluster.session(name)) as desktop:
        for path in paths:
            await _fetch(desktop, name, path, folder, force=force)


@click.command("delete-file")
@session_name
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@targeted
async def delete_file(target: Target, name: str, paths: tuple[str, ...]) -> None:
    """Delete files of the session NAME.

    Empty folders are deleted too. They cannot be brought back.
    """
    async with connect(target) as cluster, cluster.files(await cluster.session(name)) as desktop:
        for path in paths:
            await desktop.delete(_named_in_home(path))
            report(f"{path} is deleted.")


async def _confirmed(desktop: AgentFiles, places: Sequence[str]) -> Sequence[str]:
    """Return the files that are there already, after asking whether they may be replaced."""
    listed: dict[str, set[str]] = {}
    for folder in {posixpath.dirname(place) for place in places}:
        with suppress(NotFound, Conflict):
            entries = (await desktop.list(folder)).entries
            listed[folder] = {_composed(entry.name) for entry in entries if not entry.is_folder}
    taken = [each for each in places if _composed(posixpath.basename(each)) in listed.get(posixpath.dirname(each), ())]
    if taken:
        verb = "is" if len(taken) == 1 else "are"
        confirm_replacement(f"{', '.join(taken)} {verb} in the session already.", _HOW_TO_REPLACE)
    return taken


def _composed(name: str) -> str:
    """Return a name as the desktop writes a new one, so that one of another system is the same."""
    return unicodedata.normalize("NFC", name)


async def _send(desktop: AgentFiles, source: str, path: str, *, opens: bool, replace: bool) -> None:
    with opened_for_upload(source) as (file, length), Progress(path, length) as progress:
        body = parts_of(file, progress)
        if opens:
            place = await desktop.open_scene(path, body, length)
            done = f"{source} is open in Blender, as {place or path}."
        else:
            try:
                new = await desktop.upload(path, body, length, replace=replace)
            except AlreadyThere as error:
                raise Conflict(f"{path} is in the session already. {_HOW_TO_REPLACE}", System.AGENT) from error
            done = f"{source} is {'in' if new else 'replaced in'} the session, as {path}."
    report(done)


async def _fetch(desktop: AgentFiles, session: str, path: str, folder: str, *, force: bool) -> None:
    place = _in_home(path)
    is_folder = not place or path.endswith("/") or await _is_folder(desktop, place)
    name = local_name(f"{place or session}.zip" if is_folder else place)
    partial = PartialFile(Path(folder) / name, force=force)
    if folder != STREAM and not force and partial.is_taken and not partial.target.is_dir():
        confirm_replacement(f"{partial.target} is there already.", HOW_TO_REPLACE)
        partial.force = True
    with Progress(name, None) as progress:
        if folder == STREAM:
            parts = archived(desktop, place, progress) if is_folder else received(desktop, place, progress)
            await to_stream(parts, sys.stdout.buffer)
            return
        partial.check()
        if is_folder:
            count = await to_file(archived(desktop, place, progress), partial)
        else:
            begun = await find_begun(desktop, place, partial)
            count = await to_file(received(desktop, place, progress, begun), partial)
    report(f"{partial.target} is there, with {size(count)}.")


async def _is_folder(desktop: AgentFiles, place: str) -> bool:
    parent, _, name = place.rpartition("/")
    return any(entry.is_folder and entry.name == name for entry in (await desktop.list(parent)).entries)


def _scene_among(session: OpenableSession, names: dict[str, str], folder: str, opens: bool | None) -> str | None:
    """Return the file that Blender is to open; None if it is none.

    Raises:
        Invalid: it is asked for, and there is no such file or more than one.
    """
    scenes = [source for source, name in names.items() if name.lower().endswith(_SCENES)]
    if opens is None:
        opens = session.opens_upload and len(scenes) == 1 and not folder
    if not opens:
        return None
    if folder:
        raise Invalid("A scene is opened in the home folder: leave out --to, or --open.", System.OWN)
    if len(scenes) != 1:
        raise Invalid(
            f"--open needs one {' or '.join(_SCENES)} among the files, and there are {len(scenes)}.", System.OWN
        )
    return scenes[0]


def _name_of(source: str) -> str:
    if source == STREAM:
        raise Invalid("Standard input has no file name. Give it one with --name.", System.OWN)
    name = Path(source).name or source
    if any(map(is_control, name)):
        raise Invalid(f"{source}: this name cannot be used in the session. Give another one with --name.", System.OWN)
    return name


def _in_home(path: str) -> str:
    """Return a path in the home folder, empty for the folder itself.

    Raises:
        Invalid: the path leads out of it.
    """
    if path.startswith("/"):
        raise Invalid(f"{path}: paths begin in the session's home folder, without a slash.", System.OWN)
    normal = posixpath.normpath(path or ".")
    if normal == ".." or normal.startswith("../"):
        raise Invalid(f"{path} leads out of the session's home folder.", System.OWN)
    return "" if normal == "." else normal


def _named_in_home(path: str) -> str:
    place = _in_home(path)
    if not place:
        raise Invalid("The home folder itself cannot be deleted. Name files in it.", System.OWN)
    return place


def _item(entry: FolderEntry) -> dict[str, object]:
    modified = timestamp(entry.modified, "seconds") if entry.modified else None
    kind = "folder" if entry.is_folder else "file"
    return {"name": entry.name, "kind": kind, "bytes": entry.bytes, "modified": modified}


def _rows(entries: Sequence[FolderEntry], now: datetime, *, wide: bool) -> list[list[str]]:
    rows = [["NAME", "SIZE", "AGE", *(["BYTES", "MODIFIED"] if wide else [])]]
    for entry in entries:
        old = age((now - entry.modified).total_seconds()) if entry.modified else ""
        row = [f"{entry.name}/" if entry.is_folder else entry.name, "" if entry.is_folder else size(entry.bytes), old]
        if wide:
            row += ["" if entry.is_folder else str(entry.bytes)]
            row += [timestamp(entry.modified, "seconds") if entry.modified else ""]
        rows.append(row)
    return rows
