"""Pictures are made for those who ask, not often, and nobody waits long for one."""

from __future__ import annotations

import asyncio
import contextlib
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from agent.files.settings import TransferSettings
from agent.messages import Refused
from agent.thumbnails import files as file_thumbnails
from agent.thumbnails.files import FileThumbnails
from agent.thumbnails.maker.program import NoPicture
from agent.thumbnails.making import NotMade
from agent.thumbnails.screen import AFTER_FAILURE_SECONDS, EVERY_SECONDS, Screen
from unit.agent.file_calls import calls_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from unit.agent.file_calls import Answer, Calls

WEBP = b"RIFF----WEBP"


@dataclass
class FakeProgram:
    """Makes pictures, each another one, as soon as the test lets it."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    made: int = 0
    running: int = 0
    most: int = 0
    seen: list[tuple[str, bytes]] = field(default_factory=list)
    full: asyncio.Event = field(default_factory=asyncio.Event)
    """As many are made as may be at a time."""

    def __post_init__(self) -> None:
        self.gate.set()

    async def take(self) -> bytes:
        self.made += 1
        self.running += 1
        self.most = max(self.most, self.running)
        if self.running == file_thumbnails.AT_ONCE:
            self.full.set()
        number = self.made
        try:
            await self.gate.wait()
            if self.failure:
                raise self.failure
        finally:
            self.running -= 1
        return WEBP + b"%d" % number

    async def of_file(self, kind: str, descriptor: int) -> bytes:
        self.seen.append((kind, os.pread(descriptor, 100, 0)))
        return await self.take()


@dataclass
class FakeDesktop:
    """The screen of a desktop, with a clock that the test moves."""

    program: FakeProgram = field(default_factory=FakeProgram)
    is_drawn: bool = True
    seconds: float = 1000.0

    def __post_init__(self) -> None:
        self.screen = Screen(self.program.take, lambda: self.is_drawn, lambda: self.seconds, lambda: 1.8e9)
        self.files = FileThumbnails(self.program.of_file)

    async def content(self, *, may_be_old: bool = False) -> bytes:
        return (await self.screen.current(may_be_old=may_be_old)).thumbnail.content


@pytest.fixture
def desktop() -> FakeDesktop:
    return FakeDesktop()


@asynccontextmanager
async def asking(desktop: FakeDesktop, *, may_be_old: bool = False) -> AsyncIterator[asyncio.Task[bytes]]:
    """Ask, and give the block what will come."""
    task = asyncio.create_task(desktop.content(may_be_old=may_be_old))
    await asyncio.sleep(0)
    yield task


async def test_nothing_is_made_while_nobody_asks(desktop: FakeDesktop) -> None:
    desktop.seconds += 100 * EVERY_SECONDS
    await asyncio.sleep(0)
    assert desktop.program.made == 0
    await desktop.content()
    desktop.seconds += 100 * EVERY_SECONDS
    await asyncio.sleep(0)
    assert desktop.program.made == 1


async def test_two_who_ask_at_the_same_time_share_one_making(desktop: FakeDesktop) -> None:
    desktop.program.gate.clear()
    async with asking(desktop) as one, asking(desktop) as other:
        desktop.program.gate.set()
        assert await one == await other == WEBP + b"1"
    assert desktop.program.made == 1


async def test_a_new_one_is_made_after_30_seconds_and_not_before(desktop: FakeDesktop) -> None:
    assert await desktop.content() == WEBP + b"1"
    desktop.seconds += EVERY_SECONDS - 0.1
    assert await desktop.content() == WEBP + b"1"
    assert (await desktop.screen.current()).headers()["Age"] == "29"
    desktop.seconds += 0.2
    found = await desktop.screen.current()
    assert (found.thumbnail.content, found.headers()["Age"]) == (WEBP + b"2", "0")


async def test_who_takes_an_old_one_does_not_wait_and_the_next_gets_a_new_one(desktop: FakeDesktop) -> None:
    assert await desktop.content(may_be_old=True) == WEBP + b"1"
    desktop.seconds += 10 * EVERY_SECONDS
    desktop.program.gate.clear()
    assert await desktop.content(may_be_old=True) == WEBP + b"1"
    desktop.program.gate.set()
    assert await desktop.content() == WEBP + b"2"


async def test_one_who_goes_away_leaves_the_making_to_the_others(desktop: FakeDesktop) -> None:
    desktop.program.gate.clear()
    async with asking(desktop) as gone, asking(desktop) as other:
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        desktop.program.gate.set()
        assert await other == WEBP + b"1"


@pytest.mark.parametrize("is_drawn", [True, False])
async def test_without_any_picture_the_answer_is_to_come_again(desktop: FakeDesktop, *, is_drawn: bool) -> None:
    desktop.is_drawn = is_drawn
    desktop.program.failure = NotMade("It failed.")
    with pytest.raises(Refused) as refused:
        await desktop.content()
    response = refused.value.response
    assert (response.status, response.headers) == (503, {"Retry-After": "5"})
    assert str(response.body["message"]).endswith("Try again in a moment.")
    assert desktop.program.made == is_drawn


async def test_while_blender_is_away_the_last_picture_stays(desktop: FakeDesktop) -> None:
    await desktop.content()
    desktop.is_drawn = False
    desktop.seconds += 10 * EVERY_SECONDS
    assert await desktop.content() == WEBP + b"1"
    assert desktop.program.made == 1


async def test_a_failure_keeps_the_last_picture_and_is_tried_again_soon(desktop: FakeDesktop) -> None:
    await desktop.content()
    desktop.seconds += EVERY_SECONDS
    desktop.program.failure = NotMade("It failed.")
    assert await desktop.content() == WEBP + b"1"
    assert await desktop.content() == WEBP + b"1"
    assert desktop.program.made == 2
    desktop.program.failure = None
    desktop.seconds += AFTER_FAILURE_SECONDS
    assert await desktop.content() == WEBP + b"3"


async def test_a_making_that_hangs_keeps_nobody(desktop: FakeDesktop) -> None:
    await desktop.content()
    desktop.seconds += EVERY_SECONDS
    desktop.program.gate.clear()
    found = await desktop.screen.current(seconds=0)
    assert found.thumbnail.content == WEBP + b"1"
    desktop.program.gate.set()
    assert await desktop.content() == WEBP + b"2"


@asynccontextmanager
async def served(home: Path, desktop: FakeDesktop, settings: TransferSettings | None = None) -> AsyncIterator[Calls]:
    for name in ("a.blend", "b.PNG", "c.jpg", "notes.txt"):
        (home / name).write_bytes(name.encode())
    async with calls_of(home, settings, thumbnails=desktop) as calls:
        yield calls


async def test_the_screens_picture_and_what_is_said_of_it(tmp_path: Path, desktop: FakeDesktop) -> None:
    async with served(tmp_path, desktop) as calls:
        answer = await calls.call("GET", "/thumbnail")
        assert (answer.status, answer.content) == (200, WEBP + b"1")
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Last-Modified"] == "Fri, 15 Jan 2027 08:00:00 GMT"
        assert answer.headers["Age"] == "0"
        again = await calls.call("GET", "/thumbnail", If_None_Match=answer.headers["ETag"])
        assert (again.status, again.content, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
        other = await calls.call("GET", "/thumbnail", If_None_Match='"other"')
        assert other.status == 200


async def test_max_stale_asks_for_the_last_picture(tmp_path: Path, desktop: FakeDesktop) -> None:
    async with served(tmp_path, desktop) as calls:
        await calls.call("GET", "/thumbnail")
        desktop.seconds += EVERY_SECONDS
        desktop.program.gate.clear()
        answer = await calls.call("GET", "/thumbnail", Cache_Control="no-transform, max-stale")
        assert (answer.content, answer.headers["Age"]) == (WEBP + b"1", "30")
        desktop.program.gate.set()


async def test_a_files_picture(tmp_path: Path, desktop: FakeDesktop) -> None:
    async with served(tmp_path, desktop) as calls:
        answer = await calls.call("GET", "/thumbnail/a.blend")
        assert (answer.status, answer.content, answer.headers["Content-Type"]) == (200, WEBP + b"1", "image/webp")
        assert (await calls.call("GET", "/thumbnail/a.blend")).content == WEBP + b"1"
        assert (await calls.call("GET", "/thumbnail/a.blend", If_None_Match=answer.headers["ETag"])).status == 304
        for name in ("b.PNG", "c.jpg"):
            assert (await calls.call("GET", f"/thumbnail/{name}")).status == 200
        assert desktop.program.seen == [("blend", b"a.blend"), ("picture", b"b.PNG"), ("picture", b"c.jpg")]
        (tmp_path / "a.blend").write_bytes(b"another")
        changed = await calls.call("GET", "/thumbnail/a.blend", If_None_Match=answer.headers["ETag"])
        assert (changed.status, changed.content) == (200, WEBP + b"4")


async def test_a_file_without_a_picture_is_told_and_not_tried_again(tmp_path: Path, desktop: FakeDesktop) -> None:
    desktop.program.failure = NoPicture("The file is empty.")
    async with served(tmp_path, desktop) as calls:
        for _ in range(2):
            answer = await calls.call("GET", "/thumbnail/a.blend")
            assert (answer.status, answer.message) == (404, "a.blend has no thumbnail. The file is empty.")
        assert desktop.program.made == 1


async def test_only_so_many_are_kept(tmp_path: Path, desktop: FakeDesktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_thumbnails, "KEPT", 2)
    async with served(tmp_path, desktop) as calls:
        for name in ("a.blend", "b.PNG", "a.blend", "c.jpg", "a.blend", "b.PNG"):
            await calls.call("GET", f"/thumbnail/{name}")
    assert [content for _, content in desktop.program.seen] == [b"a.blend", b"b.PNG", b"c.jpg", b"b.PNG"]


async def status(calls: Calls, path: str) -> int:
    answer: Answer = await calls.call("GET", path)
    assert answer.status == 200 or answer.message
    return answer.status


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/thumbnail/notes.txt", 404),
        ("/thumbnail/gone.blend", 404),
        ("/thumbnail/folder.png", 403),
        ("/thumbnail/link.png", 403),
        ("/thumbnail/pipe.png", 403),
        ("/thumbnail/", 400),
        ("/thumbnail/..%2Fa.blend", 400),
        ("/thumbnail/.hidden.png", 400),
        ("/thumbnails", 404),
    ],
)
async def test_what_has_no_picture_is_refused_with_words(
    tmp_path: Path, desktop: FakeDesktop, path: str, expected: int
) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "b.PNG")
    os.mkfifo(tmp_path / "pipe.png")
    async with served(tmp_path, desktop) as calls:
        assert await status(calls, path) == expected
        assert desktop.program.made == 0


async def test_a_class_that_lets_no_file_out_shows_none_and_still_its_screen(
    tmp_path: Path, desktop: FakeDesktop
) -> None:
    async with served(tmp_path, desktop, TransferSettings(download=False)) as calls:
        assert await status(calls, "/thumbnail/a.blend") == 403
        assert await status(calls, "/thumbnail") == 200


async def test_other_methods_and_wrong_tokens_are_refused(tmp_path: Path, desktop: FakeDesktop) -> None:
    async with served(tmp_path, desktop) as calls:
        for path in ("/thumbnail", "/thumbnail/a.blend"):
            assert (await calls.call("DELETE", path)).status == 405
            assert (await calls.call("GET", path, Authorization="Bearer no")).status == 401
    assert desktop.program.made == 0


async def test_a_list_that_asks_for_many_has_a_few_made_at_a_time(tmp_path: Path, desktop: FakeDesktop) -> None:
    names = [f"{number}.png" for number in range(20)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    desktop.program.gate.clear()
    async with served(tmp_path, desktop) as calls:
        begun = [asyncio.create_task(status(calls, f"/thumbnail/{name}")) for name in names]
        await desktop.program.full.wait()
        desktop.program.gate.set()
        assert set(await asyncio.gather(*begun)) == {200}
    assert desktop.program.most == file_thumbnails.AT_ONCE


async def test_who_finds_no_place_and_who_waits_too_long_is_asked_to_come_again(
    tmp_path: Path, desktop: FakeDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop.program.gate.clear()
    desktop.files = FileThumbnails(desktop.program.of_file, seconds=0.05)
    async with served(tmp_path, desktop) as calls:
        begun = [asyncio.create_task(calls.call("GET", f"/thumbnail/{name}")) for name in ("b.PNG", "c.jpg")]
        await desktop.program.full.wait()
        assert await status(calls, "/thumbnail/a.blend") == 503
        monkeypatch.setattr(file_thumbnails, "WAITING", 0)
        assert await status(calls, "/thumbnail/a.blend") == 429
        desktop.program.gate.set()
        assert [answer.status for answer in await asyncio.gather(*begun)] == [200, 200]


async def test_a_picture_that_is_not_made_can_be_asked_for_again(tmp_path: Path, desktop: FakeDesktop) -> None:
    desktop.program.failure = NotMade("It failed.")
    async with served(tmp_path, desktop) as calls:
        assert await status(calls, "/thumbnail/a.blend") == 503
        desktop.program.failure = None
        assert await status(calls, "/thumbnail/a.blend") == 200
