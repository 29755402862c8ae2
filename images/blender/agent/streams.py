"""Bodies that are received and sent in pieces, for as long as the client moves enough of them."""

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web

from agent.messages import BrokenOff, ContentCut, Streamed

STALL_SECONDS: Final = 30.0
"""In this time a client must move `LEAST_BYTES`, or it is cut."""
LEAST_BYTES: Final = 64 * 1024
BLOCK_BYTES: Final = 1024 * 1024
"""The size of the pieces that a handler gets, and should give."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


async def receive(request: web.BaseRequest, stall_seconds: float) -> AsyncIterator[bytes]:
    """Yield the body of a request in pieces of about `BLOCK_BYTES`.

    A client that asked whether it may send the body is told so when the first piece is asked for.

    Raises:
        ContentCut: the client went, or moved less than `LEAST_BYTES` in `stall_seconds`.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        await _send_continue(request)
    while block := await _read_block(request, stall_seconds):
        yield block


async def _read_block(request: web.BaseRequest, stall_seconds: float) -> bytes:
    loop = asyncio.get_running_loop()
    pieces: list[bytes] = []
    size = moved = 0
    try:
        # Only the wait for the client counts, not what the handler does between two blocks.
        async with asyncio.timeout(stall_seconds) as bound:
            while size < BLOCK_BYTES and (piece := await request.content.readany()):
                pieces.append(piece)
                size += len(piece)
                moved += len(piece)
                if moved >= LEAST_BYTES:
                    moved = 0
                    bound.reschedule(loop.time() + stall_seconds)
    except TimeoutError:
        raise ContentCut(f"The body came too slowly: less than {LEAST_BYTES} bytes in {stall_seconds:.0f} s.") from None
    except (OSError, aiohttp.ClientError, web.RequestPayloadError) as error:
        raise ContentCut("The connection ended before the body did.") from error
    return b"".join(pieces)


async def _send_continue(request: web.BaseRequest) -> None:
    writer = request.writer
    try:
        await writer.write(_CONTINUE)
    except OSError as error:
        raise ContentCut("The connection ended before the body came.") from error
    # It is no part of the response, which has not begun.
    writer.output_size = 0


async def send(request: web.BaseRequest, streamed: Streamed, stall_seconds: float) -> web.StreamResponse:
    """Send a response, and give back what it holds.

    The connection is cut if the response cannot be completed, so that the client does not take a part for the whole,
    and if the client takes less than `LEAST_BYTES` in `stall_seconds`.
    """
    response = web.StreamResponse(status=streamed.status, headers=streamed.headers | {"Server": "blender-agent"})
    response.content_length = streamed.length
    # One request for each connection: nothing is left open for a client that forgets it.
    response.force_close()
    try:
        await _send_all(request, response, streamed, stall_seconds)
    except _ClientGoneError:
        _abort(request)
    except BrokenOff as error:
        print(error, file=sys.stderr)  # noqa: T201
        _abort(request)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        _abort(request)
    finally:
        await streamed.close()
    return response


class _ClientGoneError(Exception):
    """The client went, or does not take what is sent."""


async def _send_all(
    request: web.BaseRequest, response: web.StreamResponse, streamed: Streamed, stall_seconds: float
) -> None:
    try:
        await response.prepare(request)
    except OSError as error:
        raise _ClientGoneError from error
    async for block in streamed.blocks:
        view = memoryview(block)
        for begin in range(0, len(view), LEAST_BYTES):
            await _write(response, view[begin : begin + LEAST_BYTES], stall_seconds)
    try:
        async with asyncio.timeout(stall_seconds):
            await response.write_eof()
    except OSError as error:
        raise _ClientGoneError from error
    # The last bytes may still be on their way. Nobody waits for ever for a client that does not take them.
    if request.transport is not None:
        asyncio.get_running_loop().call_later(stall_seconds, request.transport.abort)


async def _write(response: web.StreamResponse, piece: memoryview, stall_seconds: float) -> None:
    try:
        async with asyncio.timeout(stall_seconds):
            await response.write(piece)
    except OSError as error:
        # `TimeoutError` is one of them.
        raise _ClientGoneError from error


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
