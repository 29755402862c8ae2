"""Port forwarding as an API server does it for a WebSocket: k8s.io/kubelet/pkg/cri/streaming/portforward."""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web

PROTOCOL = "v4.channel.k8s.io"


async def forward(request: web.Request, port: int) -> web.StreamResponse:
    """Forward the port of the request's query to a loopback port. Nothing listens at port 0."""
    socket = web.WebSocketResponse(protocols=[PROTOCOL])
    await socket.prepare(request)
    assert socket.ws_protocol == PROTOCOL
    asked = int(request.query["ports"]).to_bytes(2, "little")
    await socket.send_bytes(b"\0" + asked)
    await socket.send_bytes(b"\1" + asked)
    if not port:
        await socket.send_bytes(b"\1error forwarding port: connection refused\x1b[31m")
        await socket.close()
        return socket
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def out() -> None:
        while part := await reader.read(2**15):
            await socket.send_bytes(b"\0" + part)
        await socket.close()

    sending = asyncio.ensure_future(out())
    try:
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            assert message.data[0] == 0, "the channel of errors is for reading"
            writer.write(message.data[1:])
            await writer.drain()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    return socket
