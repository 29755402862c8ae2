"""An upload is there whole, or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from agent.blender import NO_BLENDER
from agent.files import receiving
from agent.files.receiving import FOLDER_NAME, leftovers, remove_leftovers
from agent.files.settings import TransferSettings
from agent.messages import Content
from agent.streams import BLOCK_BYTES
from unit.agent.bridge_end import until_so
from unit.agent.file_calls import calls_of
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def unfinished(home: Path) -> list[str]:
    """Return what lies in the folder of uploads."""
    return names_in(home / FOLDER_NAME) if (home / FOLDER_NAME).exists() else []


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 7])
async def test_a_file_comes_as_it_was_sent(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    async with calls_of(tmp_path) as agent:
        assert (await agent.call("PUT", "/files/scene.blend", content)).status == 201
    assert (tmp_path / "scene.blend").read_bytes() == content
    assert unfinished(tmp_path) == []


async def test_the_last_of_two_stays_and_the_answer_tells_that_it_replaced_one(tmp_path: Path) -> None:
    async with calls_of(tmp_path) as agent:
        assert (await agent.call("PUT", "/files/a.blend", b"first")).status == 201
        assert (await agent.call("PUT", "/files/a.blend", b"second")).status == 204
    assert (tmp_path / "a.blend").read_bytes() == b"second"


@pytest.mark.parametrize("name", ["%C3%BC.blend", "u%CC%88.blend"])
async def test_nothing_is_replaced_for_a_client_that_wants_a_new_file(tmp_path: Path, name: str) -> None:
    new = {"If_None_Match": "*"}
    async with calls_of(tmp_path) as agent:
        assert (await agent.call("PUT", "/files/%C3%BC.blend", b"first", **new)).status == 201
        refused = await agent.call("PUT", f"/files/{name}", b"second", **new)
        assert (refused.status, refused.message) == (412, f"{unquote(name)} is there already, and was not replaced.")
        assert (await agent.call("PUT", f"/files/{name}", b"second")).status == 204
    assert (tmp_path / "ü.blend").read_bytes() == b"second"
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("has_links", [True, False])
async def test_of_two_that_want_a_new_file_one_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not has_links:
        monkeypatch.setattr(receiving.os, "link", refuse)
    async with calls_of(tmp_path) as agent:
        head = ("PUT", "/files/a.blend", "Content-Length: 5", "If-None-Match: *")
        async with agent.begun(*head) as (reader, writer), agent.begun(*head) as (late_reader, late_writer):
            await until_so("both have begun", lambda: len(unfinished(tmp_path)) == 2)
            writer.write(b"first")
            assert b" 201 " in await reader.readline()
            late_writer.write(b"later")
            assert b" 412 " in await late_reader.readline()
    assert (tmp_path / "a.blend").read_bytes() == b"first"


async def test_missing_folders_are_made_in_any_script(tmp_path: Path) -> None:
    async with calls_of(tmp_path) as agent:
        path = "/files/%E7%B4%A0%E6%9D%90/%D8%B5%D9%88%D8%B1/%F0%9F%AA%91%20%231%3F.png"
        assert (await agent.call("PUT", path, b"x")).status == 201
    assert (tmp_path / "素材" / "صور" / "🪑 #1?.png").read_bytes() == b"x"


async def test_a_dash_is_a_name(tmp_path: Path) -> None:
    async with calls_of(tmp_path) as agent:
        assert (await agent.call("PUT", "/files/-", b"x")).status == 201
        assert (tmp_path / "-").read_bytes() == b"x"
        assert (await agent.call("DELETE", "/files/-")).status == 204
    assert not (tmp_path / "-").exists()


async def test_a_client_that_goes_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    async with calls_of(tmp_path) as agent:
        async with agent.begun("PUT", "/files/new/a.blend", f"Content-Length: {4 * BLOCK_BYTES}") as (_, writer):
            writer.write(bytes(2 * BLOCK_BYTES))
            await writer.drain()
            await until_so("the upload has begun", lambda: bool(unfinished(tmp_path)))
            assert not (tmp_path / "new").exists()
        await until_so("nothing unfinished is left", lambda: not unfinished(tmp_path))
    assert names_in(tmp_path) == [FOLDER_NAME]


async def test_a_client_that_sends_almost_nothing_is_cut(tmp_path: Path) -> None:
    async with (
        calls_of(tmp_path, stall_seconds=0.5) as agent,
        agent.begun("PUT", "/files/a.blend", "Content-Length: 1000") as (reader, writer),
    ):
        writer.write(b"x")
        assert b" 408 " in await reader.readline()
    assert unfinished(tmp_path) == []
    assert not (tmp_path / "a.blend").exists()


async def test_a_client_that_drips_is_cut(tmp_path: Path) -> None:
    async with (
        calls_of(tmp_path, stall_seconds=0.5) as agent,
        agent.begun("PUT", "/files/a.blend", "Content-Length: 1000000") as (reader, writer),
    ):
        answered = asyncio.ensure_future(reader.readline())
        while not answered.done():
            writer.write(b"x")
            assert (await agent.call("GET", "/healthz")).status == 200
        assert b" 408 " in await answered
    assert not (tmp_path / "a.blend").exists()


async def test_a_client_that_asks_first_is_told_to_go_on_or_why_not(tmp_path: Path) -> None:
    async with calls_of(tmp_path, TransferSettings(max_bytes=10)) as agent:
        expect = "Expect: 100-continue"
        async with agent.begun("PUT", "/files/a.blend", "Content-Length: 5", expect) as (reader, writer):
            assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
            writer.write(b"12345")
            assert b" 201 " in await reader.readuntil(b"\r\n\r\n") + await reader.readline()
        async with agent.begun("PUT", "/files/b.blend", "Content-Length: 11", expect) as (reader, _):
            assert b" 413 " in await reader.readline()
    assert not (tmp_path / "b.blend").exists()


async def test_no_more_than_four_transfers_at_a_time(tmp_path: Path) -> None:
    async with calls_of(tmp_path) as agent:
        held = [agent.begun("PUT", f"/files/{name}", "Content-Length: 5") for name in "abcd"]
        async with held[0], held[1], held[2], held[3] as (_, writer):
            await until_so("all uploads have begun", lambda: len(unfinished(tmp_path)) == 4)
            refused = await agent.call("PUT", "/files/e", b"x")
            assert (refused.status, refused.headers["Retry-After"]) == (429, "2")
            assert "4 uploads and downloads" in refused.message
            # Not even the volume is asked about a fifth.
            (tmp_path / "folder").mkdir()
            assert (await agent.call("PUT", "/files/folder", b"x")).status == 429
            writer.write(b"12345")
            await until_so("the upload is there", (tmp_path / "d").exists)
        await until_so("nothing unfinished is left", lambda: not unfinished(tmp_path))
        assert (await agent.call("PUT", "/files/e", b"x")).status == 201
    assert names_in(tmp_path) == [FOLDER_NAME, "d", "e", "folder"]


async def test_the_open_scene_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "ü.blend").write_bytes(b"theirs")
    async with calls_of(tmp_path, state=replace(NO_BLENDER, file=str(tmp_path / "ü.blend"))) as agent:
        for name in ("%C3%BC.blend", "u%CC%88.blend"):
            refused = await agent.call("PUT", f"/files/{name}", b"x")
            assert (refused.status, "is open in Blender" in refused.message) == (409, True)
        assert (await agent.call("PUT", "/files/u.blend", b"x")).status == 201
    assert (tmp_path / "ü.blend").read_bytes() == b"theirs"


async def test_two_uploads_of_one_name_are_never_mixed(tmp_path: Path) -> None:
    contents = [bytes([number]) * (2 * BLOCK_BYTES + number) for number in (1, 2, 3, 4)]
    async with calls_of(tmp_path) as agent:
        answers = await asyncio.gather(*(agent.call("PUT", "/files/a.blend", content) for content in contents))
    assert {answer.status for answer in answers} <= {201, 204}
    assert (tmp_path / "a.blend").read_bytes() in contents


async def test_a_disk_that_fills_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def write_until_full(descriptor: int, data: memoryview) -> int:
        if os.fstat(descriptor).st_size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:100])

    monkeypatch.setattr(receiving.os, "write", write_until_full)
    async with calls_of(tmp_path) as agent:
        answer = await agent.call("PUT", "/files/a.blend", b"x" * 1000)
    assert answer.status == 507
    assert "full" in answer.message
    assert names_in(tmp_path) == [FOLDER_NAME]
    assert unfinished(tmp_path) == []


async def blocks_of(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
async def test_a_descriptor_stays_open_until_nobody_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """At its end the agent cancels what it does, and a thread goes on."""
    begun, goes_on = threading.Event(), threading.Event()
    outcomes: list[object] = []
    original = getattr(os, call)

    def slow(*arguments: object, **named: object) -> object:
        begun.set()
        goes_on.wait(DEADLINE_SECONDS)
        try:
            outcomes.append("done")
            return original(*arguments, **named)
        except OSError as error:
            outcomes[-1] = error
            raise

    async def receive() -> None:
        content = Content(2, blocks_of(b"x", b"y"))
        async with receiving.received(tmp_path, content, 2, lambda _: None) as file:
            await file.place(("a.blend",), replace=True)

    monkeypatch.setattr(receiving.os, call, slow)
    upload = asyncio.create_task(receive())
    await until_so("the call has begun", begun.is_set)
    for _ in range(2):
        upload.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
    is_waiting = not upload.done()
    goes_on.set()
    assert is_waiting
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert set(outcomes) == {"done"}
    assert unfinished(tmp_path) == []


async def test_a_volume_that_cannot_flush_a_folder_takes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def fsync_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(receiving.os, "fsync", fsync_files)
    async with calls_of(tmp_path) as agent:
        assert (await agent.call("PUT", "/files/a", b"x")).status == 201


async def test_what_a_former_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER_NAME
    (folder / "unpacked" / "inner").mkdir(parents=True)
    (folder / "half").write_bytes(b"x")
    (tmp_path / "scene.blend").write_bytes(b"x")
    (folder / "link").symlink_to(tmp_path)
    found = leftovers(tmp_path)
    (folder / "new").write_bytes(b"x")
    remove_leftovers(tmp_path, found)
    assert unfinished(tmp_path) == ["new"]
    assert (tmp_path / "scene.blend").exists()


@pytest.mark.parametrize("kind", ["link", "file"])
async def test_something_else_in_place_of_the_folder_of_uploads_is_left_alone(tmp_path: Path, kind: str) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    (elsewhere / "theirs").write_bytes(b"x")
    if kind == "link":
        (home / FOLDER_NAME).symlink_to(elsewhere)
    else:
        (home / FOLDER_NAME).write_bytes(b"x")
    remove_leftovers(home, ["theirs"])
    assert leftovers(home) == ()
    async with calls_of(home) as agent:
        answer = await agent.call("PUT", "/files/a.blend", b"x")
    assert answer.status == 500
    assert FOLDER_NAME in answer.message
    assert names_in(elsewhere) == ["theirs"]
