"""What is downloaded is one version of one file of the home folder, and a list tells what there is."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from agent.files import listing
from agent.files.settings import TransferSettings
from agent.streams import BLOCK_BYTES
from unit.agent.file_calls import calls_of

if TYPE_CHECKING:
    from pathlib import Path

    from unit.agent.file_calls import Calls

LARGE = 32 * BLOCK_BYTES
"""More than the system keeps between two sockets."""


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 7])
async def test_a_file_comes_as_it_is(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "scène.blend").write_bytes(content)
    async with calls_of(tmp_path) as agent:
        answer = await agent.call("GET", "/files/sc%C3%A8ne.blend")
    assert (answer.status, answer.content) == (200, content)
    assert answer.headers["Content-Length"] == str(size)
    assert (
        answer.headers["Content-Disposition"]
        == "attachment; filename=\"sc_ne.blend\"; filename*=UTF-8''sc%C3%A8ne.blend"
    )
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_a_download_is_continued_unless_the_file_is_another(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"0123456789")
    async with calls_of(tmp_path) as agent:
        whole = await agent.call("GET", "/files/a")
        rest = await agent.call("GET", "/files/a", Range="bytes=4-", If_Range=whole.headers["ETag"])
        assert (rest.status, rest.content) == (206, b"456789")
        assert rest.headers["Content-Range"] == "bytes 4-9/10"
        beyond = await agent.call("GET", "/files/a", Range="bytes=10-")
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */10")
        file.rename(tmp_path / "former")
        file.write_bytes(b"abcdefghij")
        again = await agent.call("GET", "/files/a", Range="bytes=4-", If_Range=whole.headers["ETag"])
        assert (again.status, again.content) == (200, b"abcdefghij")


@pytest.mark.parametrize("change", ["truncate", "write"])
async def test_a_file_that_changes_while_it_is_sent_is_broken_off(tmp_path: Path, change: str) -> None:
    file = tmp_path / "a"
    file.write_bytes(bytes(LARGE))
    async with calls_of(tmp_path) as agent, agent.begun("GET", "/files/a") as (reader, _):
        assert f"Content-Length: {LARGE}".encode() in await reader.readuntil(b"\r\n\r\n")
        with file.open("r+b") as stream:
            if change == "truncate":
                stream.truncate(BLOCK_BYTES)
            else:
                stream.write(b"other")
        received = 0
        try:
            while piece := await reader.read(BLOCK_BYTES):
                received += len(piece)
        except ConnectionError:
            pass
    assert received < LARGE


async def test_a_file_that_is_replaced_while_it_is_sent_comes_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1" * LARGE)
    async with calls_of(tmp_path) as agent, agent.begun("GET", "/files/a") as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
        assert (await agent.call("PUT", "/files/a", b"2" * 10)).status == 204
        assert await reader.read() == b"1" * LARGE
    assert (tmp_path / "a").read_bytes() == b"2" * 10


async def test_a_client_that_takes_nothing_is_cut_and_gives_its_place_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(LARGE))
    async with calls_of(tmp_path, stall_seconds=0.5) as agent:
        idle = [agent.begun("GET", "/files/a") for _ in range(4)]
        async with idle[0], idle[1], idle[2], idle[3]:
            answers = [await agent.call("GET", "/files/a", Range="bytes=0-0")]
            assert answers[0].status == 429

            await until_status(agent, 206)


async def until_status(agent: Calls, status: int) -> None:
    while (await agent.call("GET", "/files/a", Range="bytes=0-0")).status != status:
        pass


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_odd_things(home: Path) -> None:
    (home / "folder").mkdir()
    (home / "folder" / "inner").write_bytes(b"x")
    (home / "link").symlink_to("/etc/passwd")
    (home / "loop").symlink_to("loop")
    (home / "away").symlink_to("/etc")
    os.mkfifo(home / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(home / "socket"))
    server.close()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("nothing", 404, "no such file"),
        ("nothing/inner", 404, "no such file"),
        ("link", 403, "a link"),
        ("loop", 403, "a link"),
        ("away/passwd", 409, "Links are not followed"),
        ("pipe", 403, "a pipe"),
        ("pipe/inner", 409, "a pipe"),
        ("socket", 403, "a socket"),
        ("folder", 403, "/archive"),
        ("folder/inner/x", 409, "a file, not a folder"),
        (".hidden", 400, "dot"),
        ("..%2f..%2fetc%2fpasswd", 400, "dot"),
        ("%FF", 400, "UTF-8"),
        ("", 400, "Name a file"),
    ],
)
async def test_what_is_no_file_is_refused_with_words(tmp_path: Path, path: str, status: int, words: str) -> None:
    make_odd_things(tmp_path)
    async with calls_of(tmp_path) as agent:
        answer = await agent.call("GET", f"/files/{path}")
    assert answer.status == status
    assert words in answer.message
    assert "root:" not in answer.message


@pytest.mark.parametrize("path", ["link", "loop", "pipe", "socket", "folder", "away/x", "pipe/x", "link/x"])
async def test_an_upload_replaces_nothing_but_files(tmp_path: Path, path: str) -> None:
    make_odd_things(tmp_path)
    before = names_in(tmp_path)
    async with calls_of(tmp_path) as agent:
        assert (await agent.call("PUT", f"/files/{path}", b"x")).status == 409
    assert names_in(tmp_path) == before


async def test_what_is_in_the_way_can_be_deleted_and_nothing_behind_it(tmp_path: Path) -> None:
    home, behind = tmp_path / "home", tmp_path / "behind"
    home.mkdir()
    behind.mkdir()
    (behind / "theirs").write_bytes(b"x")
    make_odd_things(home)
    (home / "behind").symlink_to(behind)
    async with calls_of(home) as agent:
        for name in ("link", "loop", "away", "pipe", "socket", "behind", "folder/inner", "folder"):
            assert (await agent.call("DELETE", f"/files/{name}")).status == 204
        assert (await agent.call("DELETE", "/files/folder")).status == 404
        (home / "full").mkdir()
        (home / "full" / ".hidden").write_bytes(b"x")
        full = await agent.call("DELETE", "/files/full")
    assert (full.status, "may be hidden" in full.message) == (409, True)
    assert (behind / "theirs").exists()
    assert names_in(home) == ["full"]


async def test_a_list_has_what_requests_may_name(tmp_path: Path) -> None:
    make_odd_things(tmp_path)
    for name in ("-", "b.blend", "ä", "half.blend@", ".hidden", "new\nline", os.fsdecode(b"\xff")):
        (tmp_path / name).write_bytes(b"12345")
    os.utime(tmp_path / "b.blend", (0, 1_800_000_000))
    os.utime(tmp_path / "-", (0, 2**40))
    async with calls_of(tmp_path) as agent:
        listed = (await agent.call("GET", "/files")).json()
        inner = (await agent.call("GET", "/files?path=folder")).json()
    assert [each["name"] for each in listed["files"]] == ["-", "b.blend", "folder", "ä"]
    assert listed["files"][1] == {"name": "b.blend", "kind": "file", "bytes": 5, "modified": "2027-01-15T08:00:00Z"}
    assert (listed["files"][2]["kind"], listed["files"][2]["bytes"]) == ("folder", 0)
    assert (listed["path"], listed["truncated"]) == ("", False)
    assert (inner["path"], [each["name"] for each in inner["files"]]) == ("folder", ["inner"])


@pytest.mark.parametrize(
    ("listed", "looked_at", "names", "truncated"),
    [(3, 100, ["a", "b", "c"], True), (4, 100, ["a", "b", "c", "d"], False), (4, 3, None, True), (4, 4, None, False)],
)
async def test_a_long_list_is_cut(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    listed: int,
    looked_at: int,
    names: list[str] | None,
    truncated: bool,
) -> None:
    monkeypatch.setattr(listing, "MAX_LISTED", listed)
    monkeypatch.setattr(listing, "MAX_ENTRIES", looked_at)
    for name in "dbca":
        (tmp_path / name).touch()
    async with calls_of(tmp_path) as agent:
        answer = (await agent.call("GET", "/files")).json()
    assert answer["truncated"] is truncated
    found = [each["name"] for each in answer["files"]]
    assert found == (names or sorted(found))
    assert len(found) == min(listed, looked_at)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing", 404),
        ("link", 409),
        ("away", 409),
        ("pipe", 409),
        ("folder/inner", 409),
        ("..", 400),
        ("a&path=b", 400),
    ],
)
@pytest.mark.parametrize("call", ["/files", "/archive"])
async def test_what_is_no_folder_is_neither_listed_nor_packed(
    tmp_path: Path, call: str, path: str, status: int
) -> None:
    make_odd_things(tmp_path)
    async with calls_of(tmp_path) as agent:
        answer = await agent.call("GET", f"{call}?path={path}")
    assert answer.status == status
    assert answer.message


async def test_a_name_is_found_as_it_is_written_and_new_ones_are_composed(tmp_path: Path) -> None:
    apart = "a\u0308.blend"
    (tmp_path / apart).write_bytes(b"old")
    async with calls_of(tmp_path) as agent:
        assert (await agent.call("GET", "/files/a%CC%88.blend")).content == b"old"
        assert (await agent.call("PUT", "/files/a%CC%88.blend", b"new")).status == 204
        assert (await agent.call("PUT", "/files/o%CC%88/u%CC%88", b"x")).status == 201
        assert (await agent.call("GET", "/files/o%CC%88/u%CC%88")).content == b"x"
    assert (tmp_path / apart).read_bytes() == b"new"
    assert (tmp_path / "ö" / "ü").read_bytes() == b"x"


@pytest.mark.parametrize("path", ["{}", "{}/x"])
async def test_a_name_that_is_longer_when_it_is_composed_is_refused(tmp_path: Path, path: str) -> None:
    name = path.format("%E0%A5%98" * 85)
    async with calls_of(tmp_path) as agent:
        assert (await agent.call("PUT", f"/files/{name}", b"x")).status == 400
        assert (await agent.call("GET", f"/files/{name}")).status == 400


OFF = TransferSettings(upload=False, download=False)


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/files/a", "download"),
        ("GET", "/archive", "download"),
        ("PUT", "/files/a", "upload"),
        ("DELETE", "/files/a", "upload"),
    ],
)
async def test_the_class_can_turn_each_way_off(tmp_path: Path, method: str, path: str, field: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    async with calls_of(tmp_path, OFF) as agent:
        answer = await agent.call(method, path, b"y" if method == "PUT" else None)
        assert (await agent.call("GET", "/files")).status == 200
    assert answer.status == 403
    assert f"spec.transfer.{field}" in answer.message
    assert (tmp_path / "a").read_bytes() == b"x"


async def test_what_is_too_large_for_the_class_goes_neither_in_nor_out(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 11)
    async with calls_of(tmp_path, TransferSettings(max_bytes=10)) as agent:
        answers = [await agent.call("PUT", "/files/new", b"x" * 11), await agent.call("GET", "/files/large")]
        assert (await agent.call("PUT", "/files/new", b"x" * 10)).status == 201
    assert [answer.status for answer in answers] == [413, 403]
    assert all("spec.transfer.maxBytes" in answer.message for answer in answers)


async def test_an_upload_leaves_room_before_kubernetes_evicts_the_pod(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(os.urandom(8 * 4096))
    async with calls_of(tmp_path, limit_bytes=20 * 4096) as agent:
        refused = await agent.call("PUT", "/files/a", bytes(11 * 4096 + 1))
        assert (await agent.call("PUT", "/files/a", bytes(8 * 4096))).status == 201
    assert refused.status == 507
    assert "There is no room" in refused.message


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Range": "bytes 0-1/5"}, 400),
        ({"Content_Encoding": "gzip"}, 415),
    ],
)
async def test_a_body_that_is_not_the_file_is_refused(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async with calls_of(tmp_path) as agent:
        answer = await agent.call("PUT", "/files/a", b"x", **headers)
        async with agent.begun("PUT", "/files/a", "Transfer-Encoding: chunked") as (reader, _):
            assert b" 411 " in await reader.readline()
    assert answer.status == status
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/files", "GET"),
        ("POST", "/files/a", "GET, PUT, DELETE"),
        ("PUT", "/archive", "GET"),
        ("HEAD", "/files", "GET"),
    ],
)
async def test_other_methods_are_refused(tmp_path: Path, method: str, path: str, allowed: str) -> None:
    async with calls_of(tmp_path) as agent:
        answer = await agent.call(method, path, b"" if method in {"POST", "PUT"} else None)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/files", "/files/a", "/archive", "/files/..%2f"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_without_the_token_nothing_is_revealed_or_done(tmp_path: Path, method: str, path: str) -> None:
    (tmp_path / "a").write_bytes(b"secret")
    async with calls_of(tmp_path) as agent:
        answer = await agent.call(method, path, b"x" if method in {"PUT", "POST"} else None, Authorization="Bearer no")
    assert answer.status == 401
    assert b"secret" not in answer.content
    assert (tmp_path / "a").read_bytes() == b"secret"
