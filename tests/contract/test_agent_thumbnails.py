"""The client takes pictures from a desktop, and nothing else that the desktop may send in their place."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from blendersessions.clients.agent_files import AgentFiles
from blendersessions.clients.thumbnail import MAX_BYTES, Thumbnail
from blendersessions.model.errors import DomainError, Invalid, NotFound, Unauthorised, Unavailable
from contract.agent_standin import TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WEBP = b"RIFF\x20\x00\x00\x00WEBPVP8 " + bytes(16)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
JPEG = b"\xff\xd8\xff\xe0" + bytes(16)
TAG = '"a-1"'


@asynccontextmanager
async def answering(
    status: int = 200, body: bytes = WEBP, media_type: str = "image/webp", **headers: str
) -> AsyncIterator[tuple[AgentFiles, list[web.Request]]]:
    """Give the client of an agent with one answer to everything, and the requests that come."""
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers={"Content-Type": media_type} | named)

    app = web.Application()
    app.router.add_get("/{rest:.*}", handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with AgentFiles("blender-abc", str(server.make_url("")), TOKEN) as files:
        yield files, asked
    await server.close()


@pytest.mark.parametrize(("body", "kind"), [(WEBP, "image/webp"), (PNG, "image/png"), (JPEG, "image/jpeg")])
async def test_pictures_come_through(body: bytes, kind: str) -> None:
    async with answering(body=body, media_type=kind, ETag=TAG) as (files, asked):
        assert await files.thumbnail() == Thumbnail(body, kind, TAG)
        assert await files.thumbnail("renders/ä b?.png") == Thumbnail(body, kind, TAG)
    assert [request.raw_path for request in asked] == ["/thumbnail", "/thumbnail/renders/%C3%A4%20b%3F.png"]
    assert all(request.headers["Authorization"] == f"Bearer {TOKEN}" for request in asked)


async def test_a_picture_that_is_known_is_not_sent_again() -> None:
    async with answering(304, b"") as (files, asked):
        assert await files.thumbnail(etag=TAG, may_be_old=True) is None
        with pytest.raises(Unavailable):
            await files.thumbnail()
    assert [request.headers.get("If-None-Match") for request in asked] == [TAG, None]
    assert [request.headers.get("Cache-Control") for request in asked] == ["max-stale", None]


@pytest.mark.parametrize("etag", ["a", '"a\nb"', '"ä"', '"' + "a" * 101 + '"', '"a", "b"', "*"])
async def test_a_tag_of_another_form_is_passed_on_in_neither_direction(etag: str) -> None:
    async with answering() as (files, asked):
        await files.thumbnail(etag=etag)
    assert "If-None-Match" not in asked[0].headers
    if etag.isprintable():
        async with answering(ETag=etag) as (files, _):
            found = await files.thumbnail()
        assert found is not None
        assert found.etag == ""


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/png"),
        (b"<script>alert(1)</script>", "text/html"),
        (b"<script>alert(1)</script>", "image/webp"),
        (WEBP, "text/html"),
        (WEBP, "image/png"),
        (WEBP, ""),
        (b"RIFF\x20\x00\x00\x00WAVEfmt ", "image/webp"),
        (b"GIF89a" + bytes(20), "image/gif"),
        (b"", "image/webp"),
        (WEBP + bytes(MAX_BYTES), "image/webp"),
    ],
)
async def test_what_is_no_small_picture_is_refused(body: bytes, media_type: str) -> None:
    async with answering(body=body, media_type=media_type) as (files, _):
        with pytest.raises(Unavailable, match="sends no picture that can be shown"):
            await files.thumbnail()


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "a.txt has no thumbnail.", NotFound),
        (404, "The paths are /healthz, /readyz.", Invalid),
        (403, "The session's class allows no downloads.", Unauthorised),
        (503, "Blender shows no scene yet.", Unavailable),
        (429, "Too many.", Unavailable),
        (206, "A part.", Unavailable),
        (301, "Elsewhere.", Unavailable),
    ],
)
async def test_other_answers_are_errors_with_the_agents_words(
    status: int, message: str, kind: type[DomainError]
) -> None:
    async with answering(status, f'{{"message": "{message}"}}'.encode(), Location="http://127.0.0.1:1/") as (files, _):
        with pytest.raises(kind) as refused:
            await files.thumbnail("a.txt")
    assert message in str(refused.value) or kind is Invalid


async def test_a_body_without_an_end_is_not_read_to_it() -> None:
    sent = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "image/webp"})
        await response.prepare(request)
        await response.write(WEBP)
        try:
            while True:
                await response.write(bytes(2**16))
                sent += 2**16
        except ConnectionError:
            return response

    app = web.Application()
    app.router.add_get("/thumbnail", handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with AgentFiles("blender-abc", str(server.make_url("")), TOKEN) as files:
        with pytest.raises(Unavailable, match="no picture"):
            await files.thumbnail()
    await server.close()
    assert sent < 64 * 2**20
