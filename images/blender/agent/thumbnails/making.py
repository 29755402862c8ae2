"""Has pictures made, each by a process of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from agent.thumbnails.maker.program import MAX_BYTES, NO_PICTURE, NoPicture

_PYTHON: Final = ("/usr/bin/python3", "-I", str(Path(__file__).parents[2] / "run.py"))
SCREEN: Final = (*_PYTHON, "agent.thumbnails.maker.screen")
FILE: Final = (*_PYTHON, "agent.thumbnails.maker.file")
"""Programs. The second one takes the file on standard input, and its kind as an argument."""
MEDIA_TYPE: Final = "image/webp"
MAKING_SECONDS: Final = 10.0
"""A process that takes longer is ended."""
_END_SECONDS: Final = 1.0


class NotMade(Exception):  # noqa: N818 - named after what happened
    """A picture could not be made this time."""


async def make(command: Sequence[str], descriptor: int | None = None, seconds: float = MAKING_SECONDS) -> bytes:
    """Run a program, and return the picture that it makes.

    Args:
        command: the program with its arguments.
        descriptor: the file that it reads; None if it reads none.
        seconds: how long it may take.

    Raises:
        NoPicture: it finds nothing to make a picture of.
        NotMade: it failed, or took too long.
    """
    try:
        async with asyncio.timeout(seconds), _running(command, descriptor) as (process, output):
            made = await _read(output)
            code = await process.wait() if len(made) <= MAX_BYTES else None
    except (OSError, TimeoutError) as error:
        raise NotMade(f"A thumbnail was not made: {type(error).__name__}.") from error
    if code == NO_PICTURE:
        raise NoPicture(made.decode(errors="replace"))
    if code != 0 or not made:
        raise NotMade(f"A thumbnail was not made: its program ended with {code}.")
    return made


async def _read(output: asyncio.StreamReader) -> bytes:
    """Read to the end, or one byte more than a picture may have."""
    made = b""
    while len(made) <= MAX_BYTES and (more := await output.read(MAX_BYTES + 1 - len(made))):
        made += more
    return made


@asynccontextmanager
async def _running(
    command: Sequence[str], descriptor: int | None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    """Run a program during the block, and give it with its output. It is killed at the end."""
    source = asyncio.subprocess.DEVNULL if descriptor is None else descriptor
    process = await asyncio.create_subprocess_exec(*command, stdin=source, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - it is a pipe, as requested above
    try:
        yield process, process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        reaping = asyncio.ensure_future(_reap(process, process.stdout))
        _reaping.add(reaping)
        reaping.add_done_callback(_reaping.discard)
        # One that waits for a volume ends when the volume answers. Nobody waits so long.
        await asyncio.wait({reaping}, timeout=_END_SECONDS)


async def _reap(process: asyncio.subprocess.Process, output: asyncio.StreamReader) -> None:
    while await output.read(MAX_BYTES):
        pass
    await process.wait()


_reaping: Final[set["asyncio.Future[None]"]] = set()
"""The event loop holds its tasks weakly."""
