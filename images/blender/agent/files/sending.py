"""Reads files for downloads, without waiting for the volume on the event loop."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

from agent.files.folders import OpenFile
from agent.files.ranges import Span, etag_of
from agent.messages import BrokenOff
from agent.streams import BLOCK_BYTES


async def blocks_of_file(file: OpenFile, span: Span) -> AsyncIterator[bytes]:
    """Yield a part of a file in pieces.

    Raises:
        BrokenOff: the file was changed meanwhile, so that its begin and its end may not belong together.
    """
    position, end = span.first, span.first + span.length
    while position < end:
        block = await asyncio.to_thread(_read, file, position, min(BLOCK_BYTES, end - position))
        yield block
        position += len(block)


def _read(file: OpenFile, position: int, size: int) -> bytes:
    block = os.pread(file.descriptor, size, position)
    if not block or etag_of(os.fstat(file.descriptor)) != etag_of(file.status):
        raise BrokenOff(f"{file.name} was changed while it was sent, so the download was broken off.")
    return block


async def blocks_in_threads(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what an iterator gives, each piece made in a thread."""
    while (block := await asyncio.to_thread(next, blocks, None)) is not None:
        yield block
