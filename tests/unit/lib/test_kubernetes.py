"""Watches of the API server: how lines are read, and how a watch ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from blendersessions.clients.kubernetes.answers import Change
from blendersessions.clients.kubernetes.client import OBJECTS_PER_PAGE, PAGE_BYTES
from blendersessions.model.errors import DomainError, Expired, SignedOut, Unauthorised, Unavailable
from unit.api_server import answering

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.manifest import Manifest

PATH = "/api/v1/namespaces/art/pods"


class ApiServer:
    """Streams pieces of a watch, then ends it in order or breaks the connection."""

    def __init__(self) -> None:
        self.status = 200
        self.pieces: list[bytes] = []
        self.breaks = False
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.query)))
        if self.status != 200:
            return web.json_response({"message": "the API server's words"}, status=self.status)
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
        if self.breaks:
            assert request.transport is not None
            request.transport.abort()
        return response


@pytest_asyncio.fixture
async def served() -> AsyncIterator[tuple[ApiServer, Kubernetes]]:
    api = ApiServer()
    async with answering(api.answer) as kubernetes:
        yield api, kubernetes


def line(what: str, item: Manifest) -> bytes:
    return json.dumps({"type": what, "object": item}).encode() + b"\n"


def pod(version: str) -> Manifest:
    return {"kind": "Pod", "metadata": {"name": "blender-x", "resourceVersion": version}}


async def changes(kubernetes: Kubernetes) -> list[Change]:
    return [change async for change in kubernetes.watch("Pod", "art", "a=b", "100")]


async def test_changes_come_in_order_however_the_bytes_are_split(served: tuple[ApiServer, Kubernetes]) -> None:
    api, kubernetes = served
    stream = line("ADDED", pod("101")) + line("BOOKMARK", pod("102")) + line("DELETED", pod("103"))
    api.pieces = [stream[:40], stream[40:]]
    assert await changes(kubernetes) == [
        Change("101", manifest=pod("101")),
        Change("102"),
        Change("103", gone=True, manifest=pod("103")),
    ]
    [(path, query)] = api.requests
    assert path == PATH
    assert query == {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": "100", "labelSelector": "a=b"}


@pytest.mark.parametrize(("code", "error"), [(410, Expired), (401, SignedOut), (403, Unauthorised), (500, Unavailable)])
async def test_each_refusal_has_its_own_error(
    served: tuple[ApiServer, Kubernetes], code: int, error: type[DomainError]
) -> None:
    api, kubernetes = served
    api.status = code
    with pytest.raises(error, match="the API server's words"):
        await changes(kubernetes)


async def test_a_version_that_is_too_old_may_show_only_in_the_stream(served: tuple[ApiServer, Kubernetes]) -> None:
    api, kubernetes = served
    api.pieces = [line("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version: 100 (400)"})]
    with pytest.raises(Expired, match="too old"):
        await changes(kubernetes)


async def test_a_broken_connection_is_not_an_orderly_end(served: tuple[ApiServer, Kubernetes]) -> None:
    api, kubernetes = served
    api.pieces, api.breaks = [line("ADDED", pod("101"))], True
    with pytest.raises(Unavailable, match="does not answer"):
        await changes(kubernetes)


async def test_an_incomplete_line_is_no_change(served: tuple[ApiServer, Kubernetes]) -> None:
    """The API server ends a watch between lines, and a proxy on the way wherever it likes."""
    api, kubernetes = served
    api.pieces = [line("ADDED", pod("101")), line("ADDED", pod("102"))[:30]]
    with pytest.raises(Unavailable, match="broke off"):
        await changes(kubernetes)


async def test_a_page_from_a_proxy_is_not_an_empty_list(served: tuple[ApiServer, Kubernetes]) -> None:
    api, kubernetes = served
    api.pieces = [b"<html>Please sign in</html>"]
    with pytest.raises(Unavailable, match="no object of the Kubernetes API"):
        _ = [item async for item in kubernetes.list("Pod")]


class Large:
    """A collection of objects of one length, in pages of as many as a request asks for."""

    def __init__(self, count: int, length: int) -> None:
        self._count, self._item = count, "x" * length
        self.limits: list[int] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        limit, start = int(request.query["limit"]), int(request.query.get("continue", "0"))
        end = min(self._count, start + limit)
        items = [{"metadata": {"name": f"s{number}"}, "data": self._item} for number in range(start, end)]
        metadata = {"resourceVersion": "7"} | ({"continue": str(end)} if end < self._count else {})
        self.limits.append(limit)
        return web.json_response({"metadata": metadata, "items": items})


@pytest.mark.parametrize(("length", "most"), [(10, OBJECTS_PER_PAGE), (4_000, 9), (20_000, 1), (80_000, 1)])
async def test_a_page_of_a_list_has_no_more_objects_than_there_is_room_for(
    length: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PAGE_BYTES <= 4 * 1024 * 1024
    monkeypatch.setattr("blendersessions.clients.kubernetes.client.PAGE_BYTES", 40_000)
    collection = Large(120, length)
    async with answering(collection.answer) as kubernetes:
        pages = [len(page.items) async for page in kubernetes.pages("Secret")]
        assert sum(pages) == 120, "each object once"
        assert max(pages) <= most
        refused = [limit for limit in collection.limits if limit > most]
        assert len(refused) <= 4, "after that, no more is asked for than fits"
