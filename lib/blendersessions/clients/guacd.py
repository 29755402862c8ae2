"""Ask guacd, Guacamole's proxy daemon, whether it serves, in its own protocol.

Source: Guacamole's manual, "The Guacamole protocol", section "Handshake phase".
"""

from __future__ import annotations

import asyncio
import contextlib

from blendersessions.model.errors import System, Unavailable

TIMEOUT_SECONDS = 5.0
_SELECT = b"6.select,3.vnc;"
_ARGUMENTS = b"4.args,"
_CONNECT = b"7.connect;"
"""Without arguments guacd refuses it, and ends at once what it began. Otherwise it would wait 15 s for a browser."""
_MAX_ANSWER_BYTES = 64 * 1024


async def check_guacd(host: str, port: int) -> None:
    """Ask guacd which arguments VNC takes, which it must start a process for, and hang up.

    Raises:
        Unavailable: guacd does not answer, or something else does.
    """
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await _ask(host, port)
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        # A TimeoutError is an OSError.
        message = f"guacd at {host}:{port} does not answer ({type(error).__name__})."
        raise Unavailable(message, System.GUACAMOLE) from error
    if not answer.startswith(_ARGUMENTS):
        raise Unavailable(f"What answers at {host}:{port} is not guacd, or it has no VNC.", System.GUACAMOLE)


async def _ask(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, limit=_MAX_ANSWER_BYTES)
    try:
        writer.write(_SELECT)
        answer = await reader.readuntil(b";")
        writer.write(_CONNECT)
        await writer.drain()
        return answer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
