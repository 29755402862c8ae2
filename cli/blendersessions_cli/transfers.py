"""Files of this machine into a desktop, and files of a desktop to this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
import tempfile
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from blendersessions.clients.agent_files import CHUNK_BYTES
from blendersessions.model.errors import Conflict, Invalid, System, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from blendersessions.clients.agent_files import AgentFiles
    from blendersessions.clients.transfer import Download
    from blendersessions_cli.local_files import PartialFile
    from blendersessions_cli.progress import Progress

STREAM: Final = "-"
"""Stands for standard input or output."""
_FRUITLESS: Final = 5
"""After so many attempts in a row that bring nothing, a download is given up."""
_PAUSE_SECONDS: Final = 1.0


class Part(NamedTuple):
    """A part of a body that comes in."""

    download: Download
    place: int
    """Where it begins in the file."""
    data: bytes


class Begun(NamedTuple):
    """A download that was interrupted: the ETag of the file, and how much of it has come."""

    etag: str
    place: int


@contextmanager
def opened_for_upload(path: str) -> Iterator[tuple[BinaryIO, int]]:
    """Yield a file of this machine, and the number of bytes that are left in it. `-` is standard input.

    Raises:
        Invalid: it is no file, or cannot be read.
    """
    if path == STREAM:
        with _standard_input() as file:
            yield file, os.fstat(file.fileno()).st_size - file.tell()
        return
    try:
        # A pipe would wait here for somebody who writes to it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}).", System.OWN) from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        if stat.S_ISDIR(found.st_mode):
            raise Invalid(f"{path} is a folder. Pack it into a .zip, and upload that.", System.OWN)
        raise Invalid(f"{path} is no file. Pass what it gives on standard input, with - as the FILE.", System.OWN)
    with os.fdopen(handle, "rb", buffering=0) as file:
        yield file, found.st_size


@contextmanager
def _standard_input() -> Iterator[BinaryIO]:
    """Yield standard input as a file with a length, which the agent wants to know first."""
    stdin = sys.stdin.buffer
    try:
        is_file = stat.S_ISREG(os.fstat(stdin.fileno()).st_mode)
    except (OSError, ValueError):
        is_file = False
    if is_file:
        yield stdin
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(stdin, file, CHUNK_BYTES)
        file.seek(0)
        yield file


async def parts_of(file: BinaryIO, progress: Progress) -> AsyncIterator[bytes]:
    """Yield what is left of a file.

    Raises:
        Invalid: it cannot be read.
    """
    try:
        while part := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield part
            progress.add(len(part))
    except OSError as error:
        raise Invalid(f"The file cannot be read ({error.strerror}).", System.OWN) from error


async def to_stream(parts: AsyncGenerator[Part, None], sink: BinaryIO) -> None:
    """Write a body to a stream.

    Raises:
        Invalid: the stream is a terminal.
    """
    if sink.isatty():
        raise Invalid("Standard output is a terminal, and a file could command it. Redirect it.", System.OWN)
    async with aclosing(parts):
        async for part in parts:
            sink.write(part.data)
    sink.flush()


async def to_file(parts: AsyncGenerator[Part, None], partial: PartialFile) -> int:
    """Write a body to a file of this machine, and return its size.

    If it breaks off, what has come is kept for the next time, or removed if it has no ETag.

    Raises:
        Invalid: the file cannot be written.
        Conflict: something has got its name here.
    """
    file, etag = None, ""
    try:
        async with aclosing(parts):
            async for part in parts:
                if file is None:
                    etag, file = part.download.etag, partial.open(part.download.etag)
                    file.truncate(file.seek(part.place))
                file.write(part.data)
        if file is None:
            raise Unavailable("The desktop sent nothing. Try again.", System.AGENT)
        file.flush()
        os.fsync(file.fileno())
        partial.publish(etag)
        return file.tell()
    except OSError as error:
        where = partial.target.parent
        raise Invalid(
            f"{where} cannot be written to ({error.strerror}). Name another place with --to.", System.OWN
        ) from error
    finally:
        if file is not None:
            file.close()
            if not etag:
                partial.discard()


async def archived(files: AgentFiles, path: str, progress: Progress) -> AsyncGenerator[Part, None]:
    """Yield a folder as a zip. It cannot be continued: each is packed anew."""
    async with files.archive(path) as download:
        unnamed = replace(download, etag="")
        yield Part(unnamed, 0, b"")
        place = 0
        async for data in download.parts():
            yield Part(unnamed, place, data)
            place += len(data)
            progress.add(len(data))


async def received(
    files: AgentFiles, path: str, progress: Progress, begun: Begun | None = None
) -> AsyncGenerator[Part, None]:
    """Yield a file. When a connection breaks off, the next one continues at that place.

    Args:
        files: the desktop.
        path: the file.
        progress: shows how much has come.
        begun: what came of it before.

    Raises:
        Unavailable: it breaks off again and again.
        Conflict: the file changed in the middle of it.
    """
    etag, place = (begun.etag, begun.place) if begun else ("", 0)
    total, fruitless = None, 0
    while total is None or place < total:
        try:
            async with files.download(path, f"bytes={place}-" if place else "", etag) as download:
                if place and (not download.is_partial or download.first != place or download.etag != etag):
                    raise Conflict(f"{path} changed while it was downloaded. Download it again.", System.AGENT)
                etag, total = download.etag, download.total
                progress.begin(place, total)
                yield Part(download, place, b"")
                async for data in download.parts():
                    yield Part(download, place, data)
                    place, fruitless = place + len(data), 0
                    progress.add(len(data))
                if total is None:
                    return
        except Unavailable:
            fruitless += 1
            if not etag or fruitless >= _FRUITLESS:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
    if place > total:
        raise Unavailable(f"The desktop sent more of {path} than there is. Try again.", System.AGENT)


async def find_begun(files: AgentFiles, path: str, partial: PartialFile) -> Begun | None:
    """Return what an interrupted download has left of a file that is still the same; None if that is nothing."""
    if not partial.is_begun:
        return None
    try:
        # One byte tells what the whole file is. An empty file has none.
        async with files.download(path, "bytes=0-0") as download:
            etag, total = download.etag, download.total
    except Invalid:
        return None
    with partial.open(etag) as file:
        place = file.tell()
    # The last byte is asked for again, so that there is an answer to a file that is whole.
    return Begun(etag, min(place, total - 1)) if etag and total and 0 < place <= total else None
