"""Receives a file under a name that nobody sees, and gives it its own name once it is complete."""

import asyncio
import functools
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from agent.files.folders import FOLDER, kind_of, opened_folder, refusal, spelling, status_of
from agent.files.names import Parts
from agent.messages import Content, ContentCut, Refused
from scene.intake import NO_LINKS

FOLDER_NAME: Final = ".blender-session-transfers"
"""The folder in the home folder for what is not complete. It is hidden, and Blender opens nothing in it."""
_NEW_FILE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

P = ParamSpec("P")
T = TypeVar("T")


class ReceivedFile:
    """A file that is complete and on the volume, and has no name of its own yet.

    Args:
        home: the home folder.
        folder: the descriptor of the folder that it is in.
        name: its name there.
    """

    def __init__(self, home: Path, folder: int, name: str) -> None:
        self._home = home
        self._folder = folder
        self._name = name

    @property
    def path(self) -> Path:
        """Where it is, for whoever wants to look into it before it is placed."""
        return self._home / FOLDER_NAME / self._name

    async def place(self, parts: Parts, *, replace: bool) -> bool:
        """Give the file its name, and return whether the name is new.

        Args:
            parts: the path below the home folder. Folders that are missing are made.
            replace: whether it may take the place of a file that has the name.

        Raises:
            Refused: the name is taken, or the folder cannot be written to.
        """
        return await _ended(_begun(self._place, parts, replace=replace))

    def _place(self, parts: Parts, *, replace: bool) -> bool:
        with opened_folder(self._home, parts[:-1], create=True) as folder:
            try:
                is_new = check_target(folder, parts, replace=replace)
                name = spelling(folder, parts[-1])
                if replace or not self._is_linked(folder, name):
                    os.rename(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder)
            except FileExistsError:
                raise _taken(parts) from None
            except OSError as error:
                raise refusal(error, parts) from None
            # The file has its name. Some file systems cannot flush a folder.
            with suppress(OSError):
                os.fsync(folder)
        return is_new

    def _is_linked(self, folder: int, name: str) -> bool:
        """Give the file a name that nothing has, and return whether the file system can do that."""
        try:
            # Unlike a rename, this never takes the place of a file that was just made.
            os.link(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno in NO_LINKS:
                return False
            raise
        return True


def check_target(folder: int, parts: Parts, *, replace: bool) -> bool:
    """Return whether a name is free in a folder.

    Args:
        folder: the folder's descriptor.
        parts: the path of which the name is the last part.
        replace: whether a regular file that has it may be replaced.

    Raises:
        Refused: something has it.
    """
    status = status_of(folder, spelling(folder, parts[-1]))
    if status is None:
        return True
    if stat.S_ISREG(status.st_mode):
        if not replace:
            raise _taken(parts)
        return False
    kind = kind_of(status.st_mode)
    raise Refused(409, f"{'/'.join(parts)} is {kind}. Choose another name, or delete the {kind.split()[-1]} first.")


def _taken(parts: Parts) -> Refused:
    return Refused(412, f"{'/'.join(parts)} is there already, and was not replaced.")


@asynccontextmanager
async def received(
    home: Path, content: Content, length: int, wrote: Callable[[int], None]
) -> AsyncIterator[ReceivedFile]:
    """Receive a body into a file of the home folder's volume, which is removed after the block unless it was placed.

    Args:
        home: the home folder.
        content: the body.
        length: the bytes that were announced.
        wrote: is told how many bytes more are in the file, in a thread.

    Raises:
        ContentCut: the body has another length, or its client went.
        Refused: the volume is full, or cannot be written to.
    """
    folder = await asyncio.to_thread(_translated, _open_folder, home)
    name = secrets.token_hex(8)
    try:
        descriptor = await asyncio.to_thread(_translated, os.open, name, _NEW_FILE, 0o644, dir_fd=folder)
        try:
            await _write_all(descriptor, content, length, wrote)
        finally:
            os.close(descriptor)
        yield ReceivedFile(home, folder, name)
    finally:
        # Even that takes its time with a large file.
        await asyncio.to_thread(_remove, folder, name)


def _remove(folder: int, name: str) -> None:
    try:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)


async def _write_all(descriptor: int, content: Content, length: int, wrote: Callable[[int], None]) -> None:
    """Write each block while the next one comes. At most two are in memory."""
    size = 0
    writing: asyncio.Future[None] | None = None
    try:
        async for block in content.blocks:
            size += len(block)
            if size > length:
                raise ContentCut("The body is longer than its Content-Length says.")
            former, writing = writing, None
            if former is not None:
                await _ended(former)
            writing = _begun(_translated, _write, descriptor, block, wrote)
    finally:
        if writing is not None:
            await _ended(writing)
    if size != length:
        raise ContentCut("The body is shorter than its Content-Length says.")
    await _ended(_begun(_translated, os.fsync, descriptor))


def _begun(call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> asyncio.Future[T]:
    """Begin a call in a thread. No task is made, since the end of the event loop would cancel it."""
    return asyncio.get_running_loop().run_in_executor(None, functools.partial(call, *arguments, **named))


async def _ended(running: asyncio.Future[T]) -> T:
    """Wait for a call in a thread, also when cancelled: its descriptor is closed afterwards, and its number reused."""
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise


def _write(descriptor: int, block: bytes, wrote: Callable[[int], None]) -> None:
    view = memoryview(block)
    while view:
        count = os.write(descriptor, view)
        wrote(count)
        view = view[count:]


def _translated(call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    try:
        return call(*arguments, **named)
    except OSError as error:
        raise refusal(error, ("the upload",)) from None


def _open_folder(home: Path) -> int:
    with suppress(FileExistsError):
        (home / FOLDER_NAME).mkdir(mode=0o700)
    try:
        return os.open(home / FOLDER_NAME, FOLDER)
    except NotADirectoryError:
        message = f"{FOLDER_NAME} in the home folder is no folder, so nothing can be uploaded. Delete it there."
        raise Refused(500, message) from None


def leftovers(home: Path) -> Sequence[str]:
    """Return the names of what former runs have left unfinished."""
    try:
        folder = home / FOLDER_NAME
        return () if folder.is_symlink() else [path.name for path in folder.iterdir()]
    except OSError:
        return ()


def remove_leftovers(home: Path, names: Sequence[str]) -> None:
    """Remove what former runs have left unfinished, as far as that is possible."""
    try:
        folder = os.open(home / FOLDER_NAME, FOLDER)
    except OSError:
        return
    try:
        for name in names:
            try:
                os.unlink(name, dir_fd=folder)
            except IsADirectoryError:
                shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
            except OSError:
                continue
    finally:
        os.close(folder)
