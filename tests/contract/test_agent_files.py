"""The client of a desktop's files, with an agent that answers as docs/interfaces.md says."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from blendersessions.clients import transfer
from blendersessions.clients.agent_files import CHUNK_BYTES, AgentFiles
from blendersessions.clients.desktop_folder import read_folder
from blendersessions.model.errors import (
    Conflict,
    DomainError,
    Invalid,
    NoSuchRange,
    NotFound,
    NotYet,
    Unauthorised,
    Unavailable,
)
from contract.agent_standin import TOKEN
from waiting import until_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blendersessions.clients.transfer import Download
    from contract.agent_standin import AgentStandin

DESKTOP = "blender-abc"
SCENE = b"BLENDER17-01v0500" + bytes(1000)


@pytest.fixture
async def files(agent: AgentStandin) -> AsyncIterator[AgentFiles]:
    async with AgentFiles(DESKTOP, agent.address, TOKEN) as files:
        yield files


async def parts_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(download: Download) -> bytes:
    return b"".join([part async for part in download.parts()])


async def test_a_file_goes_in_and_comes_out(files: AgentFiles) -> None:
    assert await files.upload("renders/a b.png", parts_of(b"pic", b"ture"), 7) is True, "it is new"
    assert await files.upload("renders/a b.png", parts_of(b"picture 2"), 9) is False, "it replaces one"
    async with files.download("renders/a b.png") as download:
        assert (download.first, download.length, download.total, download.is_partial) == (0, 9, 9, False)
        assert await read(download) == b"picture 2"


@pytest.mark.parametrize("name", ["-", "ä b?c#d%2F&e.blend", "Ω漢字🎨.blend", "~", "a\\b"])
async def test_a_name_in_any_script_reaches_the_agent_as_it_is(
    agent: AgentStandin, files: AgentFiles, name: str
) -> None:
    await files.upload(name, parts_of(b"x"), 1)
    assert (agent.home / name).read_bytes() == b"x"
    [entry] = (await files.list()).entries
    assert (entry.name, entry.bytes, entry.is_folder) == (name, 1, False)
    async with files.download(name) as download:
        assert await read(download) == b"x"
    await files.delete(name)
    assert not list(agent.home.iterdir())


async def test_a_folder_is_listed_and_packed(files: AgentFiles) -> None:
    await files.upload("renders/ü?/1.png", parts_of(b"one"), 3)
    listed = await files.list("renders")
    assert [(entry.name, entry.is_folder) for entry in listed.entries] == [("ü?", True)]
    assert listed.entries[0].modified is not None
    assert not listed.truncated
    async with files.archive("renders/ü?") as download:
        assert zipfile.ZipFile(io.BytesIO(await read(download))).namelist() == ["1.png"]
    async with files.archive() as download:
        assert "renders/ü?/1.png" in zipfile.ZipFile(io.BytesIO(await read(download))).namelist()


async def test_a_part_of_a_file_comes_while_the_file_is_the_same(files: AgentFiles) -> None:
    await files.upload("a.bin", parts_of(b"0123456789"), 10)
    async with files.download("a.bin", "bytes=4-") as download:
        assert (download.first, download.length, download.total, download.is_partial) == (4, 6, 10, True)
        assert await read(download) == b"456789"
        etag = download.etag
    async with files.download("a.bin", "bytes=4-", etag) as download:
        assert await read(download) == b"456789"
    await files.upload("a.bin", parts_of(b"abcdefghij"), 10)
    async with files.download("a.bin", "bytes=4-", etag) as download:
        assert (download.is_partial, await read(download)) == (False, b"abcdefghij")


async def test_a_scene_is_opened_by_its_name(agent: AgentStandin, files: AgentFiles) -> None:
    assert await files.open_scene("cart.blend", parts_of(SCENE), len(SCENE)) == "cart.blend"
    assert agent.opened == ["cart.blend"]
    with pytest.raises(Invalid, match=r"^x\.blend is no \.blend\.$"):
        await files.open_scene("x.blend", parts_of(b"no"), 2)


@pytest.mark.parametrize(
    ("switches", "kind", "words"),
    [
        ({"uploads": False}, Unauthorised, "The session's class allows no uploads."),
        ({"max_bytes": 3}, Invalid, "The file is larger than 3 bytes."),
        ({"full": True}, Invalid, "The home folder is full."),
        ({"busy": True}, NotYet, "Four transfers run. Try again."),
        ({"token": "another"}, Unauthorised, "Send the agent's token as a bearer token."),
        ({"is_old": True}, Invalid, f"The desktop {DESKTOP} gives and takes no files"),
    ],
)
async def test_a_refused_upload_says_why_in_the_agents_words(
    agent: AgentStandin, files: AgentFiles, switches: dict[str, object], kind: type[DomainError], words: str
) -> None:
    for name, value in switches.items():
        setattr(agent, name, value)
    for body, length in ((b"data", 4), (bytes(CHUNK_BYTES), 64 * CHUNK_BYTES)):
        with pytest.raises(kind) as caught:
            await files.upload("a.blend", parts_of(*[body] * (length // len(body))), length)
        assert type(caught.value) is kind
        assert str(caught.value).startswith(words)
    assert not list(agent.home.iterdir())


async def test_what_is_not_there_or_not_allowed_is_told(agent: AgentStandin, files: AgentFiles) -> None:
    (agent.home / "folder").mkdir()
    (agent.home / "folder/a").touch()
    with pytest.raises(NotFound, match=r"There is no file b\."):
        async with files.download("b"):
            pass
    with pytest.raises(NotFound, match=r"There is no folder b\."):
        await files.list("b")
    with pytest.raises(NotFound):
        await files.delete("b")
    with pytest.raises(Conflict, match="folder is a folder"):
        await files.upload("folder", parts_of(b"x"), 1)
    with pytest.raises(Conflict, match="is not empty"):
        await files.delete("folder")
    with pytest.raises(Invalid, match="has 0 bytes"):
        async with files.download("folder/a", "bytes=0-"):
            pass
    agent.downloads = False
    for download in (files.download("folder/a"), files.archive("folder")):
        with pytest.raises(Unauthorised, match="allows no downloads"):
            async with download:
                pass
    agent.is_old = True
    with pytest.raises(Invalid, match="its image is older"):
        await files.list()


async def test_a_folder_that_goes_during_an_upload_is_not_taken_for_an_old_image(
    agent: AgentStandin, files: AgentFiles
) -> None:
    agent.loses_folders = True
    for upload in (files.upload("renders/a", parts_of(b"x"), 1), files.open_scene("a.blend", parts_of(b"x"), 1)):
        with pytest.raises(NotFound, match="there is no such file or folder"):
            await upload
    agent.is_old = True
    for upload in (files.upload("renders/a", parts_of(b"x"), 1), files.open_scene("a.blend", parts_of(b"x"), 1)):
        with pytest.raises(Invalid, match="its image is older"):
            await upload


async def test_only_a_missing_range_is_one(agent: AgentStandin, files: AgentFiles) -> None:
    await files.upload("a", parts_of(b"0123"), 4)
    with pytest.raises(NoSuchRange):
        async with files.download("a", "bytes=9-"):
            pass
    agent.is_old = True
    with pytest.raises(Invalid) as caught:
        async with files.download("a", "bytes=0-"):
            pass
    assert type(caught.value) is Invalid


@pytest.mark.parametrize(("length", "has"), [(5, "only 4"), (3, "more")])
async def test_a_file_that_changes_while_it_is_sent_is_an_error(files: AgentFiles, length: int, has: str) -> None:
    with pytest.raises(Invalid, match=f"{length} bytes were announced, and it has {has}"):
        await files.upload("a", parts_of(b"da", b"ta"), length)


async def test_the_error_of_a_files_source_is_the_error_of_the_upload(files: AgentFiles) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("the disk is broken")

    with pytest.raises(OSError, match="the disk is broken"):
        await files.upload("a", failing(), 2)


async def test_a_download_that_breaks_off_is_no_whole_file(agent: AgentStandin, files: AgentFiles) -> None:
    (agent.home / "a").write_bytes(bytes(1000))
    agent.breaks_off_after = [10]
    with pytest.raises(Unavailable, match="broke off"):
        async with files.download("a") as download:
            await read(download)


@pytest.mark.parametrize(
    "listing", [b"", b"[]", b'{"files": 3}', b"[" * 100_000, b'{"files": [' + b" " * 2**23 + b"]}"]
)
async def test_a_list_that_is_none_is_told_and_fills_no_memory(
    agent: AgentStandin, files: AgentFiles, listing: bytes
) -> None:
    agent.listing = listing
    with pytest.raises(Unavailable, match=f"{DESKTOP} sends no list of its files"):
        await files.list()


def test_an_entry_that_is_no_part_of_a_path_is_passed_over() -> None:
    names = ["", ".", "..", "../x", "/etc", "a/b", "a\\u0000", "n" * 256]
    entries = [f'{{"name": "{name}", "kind": "file", "bytes": 1}}' for name in names]
    entries += ["3", "null", '{"name": 5}', '{"name": "a", "bytes": -1, "modified": "yesterday"}']
    folder = read_folder(f'{{"path": "", "files": [{", ".join(entries)}], "truncated": true}}'.encode())
    assert folder is not None
    assert [(entry.name, entry.bytes, entry.modified) for entry in folder.entries] == [("a", 0, None)]
    assert folder.truncated


async def test_an_agent_that_is_away_is_named() -> None:
    async with AgentFiles(DESKTOP, "http://127.0.0.1:1", TOKEN) as files:
        with pytest.raises(Unavailable, match=f"The agent of the desktop {DESKTOP} does not answer"):
            await files.list()


@pytest.fixture
async def stuck() -> AsyncIterator[tuple[AgentFiles, asyncio.Event]]:
    """An agent that takes a request and nothing more; the event says that it has one."""
    asked, end = asyncio.Event(), asyncio.Event()

    async def handle(_: web.Request) -> web.StreamResponse:
        asked.set()
        await end.wait()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with AgentFiles(DESKTOP, str(server.make_url("")), TOKEN) as files:
        yield files, asked
    end.set()
    await server.close()


async def test_an_upload_that_the_agent_does_not_take_is_not_read_ahead_and_ends(
    stuck: tuple[AgentFiles, asyncio.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, asked = stuck
    monkeypatch.setattr(transfer, "STALL_SECONDS", 0.05)
    parts, read = 256, 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(parts):
            read += 1
            yield bytes(CHUNK_BYTES)

    with pytest.raises(Unavailable, match="takes nothing more of the file"):
        await files.upload("a", source(), parts * CHUNK_BYTES)
    assert asked.is_set()
    assert read < parts / 2


async def test_a_slow_source_is_no_stalled_agent_and_can_be_given_up(
    stuck: tuple[AgentFiles, asyncio.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, asked = stuck
    monkeypatch.setattr(transfer, "STALL_SECONDS", 0.05)
    left = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        try:
            yield b"x"
            await asyncio.Event().wait()
        finally:
            left.set()

    upload = asyncio.ensure_future(files.upload("a", slow(), 2))
    await until_set("the agent has the request", asked)
    assert not upload.done()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    await until_set("the source is given up", left)


async def test_a_download_is_not_read_ahead() -> None:
    parts, all_sent = 256, asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = parts * CHUNK_BYTES
        await response.prepare(request)
        for _ in range(parts):
            await response.write(bytes(CHUNK_BYTES))
        all_sent.set()
        return response

    app = web.Application()
    app.router.add_get("/files/large", handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with AgentFiles(DESKTOP, str(server.make_url("")), TOKEN) as files, files.download("large") as download:
        for _ in range(20 * parts):
            # One turn of the event loop, in which the agent sends a part if the client takes one.
            await asyncio.sleep(0)
        assert not all_sent.is_set()
        got = sum([len(part) async for part in download.parts()])
    assert (got, download.length) == (parts * CHUNK_BYTES, parts * CHUNK_BYTES)
    await server.close()
