"""The gateway to Kubernetes, before an API server that answers as a test says."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from blendersessions.clients.kubernetes import Kubernetes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def answering(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[Kubernetes]:
    """Serve on loopback for as long as the block runs, and connect to that."""
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
