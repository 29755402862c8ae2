"""The client of Kubernetes, connected to an API server whose answers a test gives."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from blendersessions.clients.kubernetes.client import Kubernetes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def answering(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[Kubernetes]:
    """Serve on loopback while the block runs, and connect a client to it."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    kubernetes = Kubernetes(ApiClient(Configuration(host=str(server.make_url("")).rstrip("/"))))
    try:
        yield kubernetes
    finally:
        await kubernetes.close()
        await server.close()
