"""The agent's HTTP server, which no client can hold up."""

import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from agent.messages import LARGEST_BODY, Content, ContentCut, Request, Response, Streamed
from agent.streams import STALL_SECONDS, receive, send

Answer = Callable[[Request], Awaitable[Response | Streamed]]

REQUEST_SECONDS: Final = 10.0
"""A client has this long to send its request, and as long again for the body."""
BACKLOG: Final = 1024


async def serve(
    answer: Answer,
    port: int,
    host: str = "",
    request_seconds: float = REQUEST_SECONDS,
    stall_seconds: float = STALL_SECONDS,
) -> asyncio.Server:
    """Start the server and return it.

    A POST has a small body, which is read before it is answered. The body of a PUT goes to its handler as it comes.

    Args:
        answer: returns the answer to a request.
        port: the port; 0 picks a free one.
        host: the address to listen on; empty: all addresses, of both families.
        request_seconds: how long a client has to send its request, and again for the body of a POST.
        stall_seconds: how long a PUT or a streamed answer may go on with almost nothing moved.

    Raises:
        OSError: the port is taken.
    """
    # The library logs each line of garbage that a client sends.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    silent: set[asyncio.BaseProtocol] = set()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        silent.discard(request.protocol)
        answered = await _answer(request, answer, request_seconds, stall_seconds)
        if isinstance(answered, Streamed):
            return await send(request, answered, stall_seconds)
        return _write(answered)

    # A body counts as it was sent. Unpacked, a small one could be of any size.
    server = web.Server(handle, access_log=None, auto_decompress=False)
    loop = asyncio.get_running_loop()

    def connected() -> asyncio.Protocol:
        protocol = server()
        silent.add(protocol)
        loop.call_later(request_seconds, close_if_silent, protocol)
        return protocol

    def close_if_silent(protocol: web.RequestHandler) -> None:
        if protocol in silent:
            silent.discard(protocol)
            if protocol.transport is not None:
                protocol.transport.abort()

    return await loop.create_server(connected, host, port, backlog=BACKLOG, reuse_address=True)


async def _answer(
    request: web.BaseRequest, answer: Answer, request_seconds: float, stall_seconds: float
) -> Response | Streamed:
    body = b""
    if request.method == "POST":
        if request.content_length is None:
            return Response(411, {"message": "Send the body with its Content-Length."})
        if request.content_length > LARGEST_BODY:
            return Response(413, {"message": f"The body may have at most {LARGEST_BODY} bytes."})
        try:
            async with asyncio.timeout(request_seconds):
                body = await request.read()
        except TimeoutError:
            return Response(408, {"message": "The body did not arrive in time."})
    content = None
    if request.method == "PUT":
        content = Content(request.content_length, receive(request, stall_seconds))
    asked = Request(
        request.method,
        request.path,
        request.headers.get("Authorization"),
        body,
        request.rel_url.raw_path,
        request.rel_url.raw_query_string,
        {name.lower(): value for name, value in request.headers.items()},
        content,
    )
    try:
        return await answer(asked)
    except ContentCut as error:
        return Response(408, {"message": str(error)})
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return Response(500, {"message": "The agent failed. The container's log has the details."})


def _write(response: Response) -> web.Response:
    headers = response.headers | {"Server": "blender-agent"}
    if response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        written = web.Response(status=response.status, headers=headers)
        written.force_close()
        return written
    written = web.Response(
        status=response.status,
        # The name of a file may have bytes that are no text, which strict readers of JSON refuse.
        body=json.dumps(response.body, ensure_ascii=False).encode(errors="replace"),
        content_type="application/json",
        headers=headers,
    )
    # One request for each connection: nothing is left open for a client that forgets it.
    written.force_close()
    return written
