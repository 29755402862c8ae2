"""A scene that a person uploads is opened, or its person is told why it is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agent.bridge_requests import BlenderEnded, Busy
from agent.files.settings import TransferSettings
from agent.files.transfers import Transfers
from agent.scene_source import OPEN
from scene.note import Note, write_note
from scene.settings import SceneSettings
from unit.agent.bridge_end import until_so
from unit.agent.scene_sessions import STATE, UPLOAD, Session, notes_in, on_volume
from unit.scene.blends import new_blend, old_blend
from unit.scene.zips import names_below, zipped
from waiting import DEADLINE_SECONDS
from workspace.open_failure import OpenFailed

if TYPE_CHECKING:
    from pathlib import Path

    from agent.blender import BlenderState


async def test_an_upload_that_comes_while_blender_is_being_started_waits_for_it(tmp_path: Path) -> None:
    session = Session(tmp_path, UPLOAD)
    session.blender.has_started.clear()
    async with session.running():
        upload = asyncio.create_task(session.put("cart.blend", old_blend()))
        arriving = session.home / ".blender-session-transfers"
        await until_so("the upload has begun", lambda: arriving.is_dir() and any(arriving.iterdir()))
        assert (session.scene.state.reason, session.blender.opened) == ("AwaitingUpload", [])
        session.blender.has_started.set()
        assert (await upload).status == 200
        assert session.scene.state == OPEN


async def test_an_upload_is_awaited(tmp_path: Path) -> None:
    session = Session(tmp_path, UPLOAD)
    async with session.running() as task:
        assert session.scene.state.reason == "AwaitingUpload"
        assert (await session.put("cart.blend", b"garbage")).body["reason"] == "SceneUnreadable"
        refused = (await session.put("cart.blend", new_blend())).body
        assert refused["reason"] == "SceneTooNew"
        assert refused["message"].endswith(" Choose a session class with a newer Blender.")
        assert session.scene.state.reason == "AwaitingUpload"
        answer = await session.put("%E6%97%A5.blend", old_blend())
        await task
    assert (answer.status, answer.body) == (200, {"file": "日.blend"})
    assert session.scene.state == OPEN
    await session.start().run()
    assert session.scene.state == OPEN
    assert len(session.blender.opened) == 1


async def test_nobody_uploads(tmp_path: Path) -> None:
    session = Session(tmp_path, replace(UPLOAD, upload_seconds=0))
    await session.scene.run()
    assert session.scene.state.reason == "UploadTimedOut"
    async with session.scene.uploading():
        assert session.scene.receives
    assert not session.scene.receives
    # Whoever comes late is let in all the same.
    assert (await session.put("cart.blend", old_blend())).status == 200
    assert session.scene.state == OPEN


async def test_an_upload_that_has_begun_is_waited_for(tmp_path: Path) -> None:
    session = Session(tmp_path, replace(UPLOAD, upload_seconds=0))
    async with session.scene.uploading(), session.running() as task:
        for _ in range(50):
            await asyncio.sleep(0)
        assert not task.done()
        assert session.scene.state.reason == "AwaitingUpload"


async def test_two_uploads_of_one_name_are_two_files(tmp_path: Path) -> None:
    session = Session(tmp_path, SceneSettings())
    answers = await asyncio.gather(*(session.put("cart.blend", old_blend()) for _ in range(2)))
    assert sorted(str(answer.body["file"]) for answer in answers) == ["cart-2.blend", "cart.blend"]
    assert len(session.blender.opened) == 2


async def test_no_upload_waits_while_blender_opens_another_one(tmp_path: Path) -> None:
    session = Session(tmp_path, SceneSettings())
    session.blender.goes_on.clear()
    first = asyncio.create_task(session.put("cart.blend", old_blend()))
    await until_so("Blender opens it", lambda: bool(session.blender.opened))
    answer = await session.put("chair.blend", old_blend())
    assert (answer.status, session.visible()) == (409, ["cart.blend"])
    session.blender.goes_on.set()
    assert (await first).status == 200
    assert (await session.put("chair.blend", old_blend())).status == 200


async def test_no_scene_takes_the_place_of_one_that_is_brought_in(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    answer = await session.put("cart.blend", old_blend())
    assert answer.status == 409
    assert session.visible() == []


@pytest.mark.parametrize("state", [replace(STATE, rendering=True), replace(STATE, baking=True)])
async def test_no_scene_is_taken_while_a_render_runs(tmp_path: Path, state: BlenderState) -> None:
    session = Session(tmp_path, SceneSettings())
    session.blender.state = state
    assert (await session.put("cart.blend", old_blend())).status == 409


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (OpenFailed(409, "A render runs."), 409),
        (OpenFailed(507, "The volume is full."), 507),
        (Busy(begun=False), 503),
        (BlenderEnded(), 503),
    ],
)
async def test_an_upload_that_cannot_be_opened_now_is_kept_and_named(
    tmp_path: Path, outcome: Exception, status: int
) -> None:
    session = Session(tmp_path, SceneSettings())
    session.blender.outcomes = [outcome]
    answer = await session.put("cart.blend", old_blend())
    assert answer.status == status
    assert "The file is in the home folder as cart.blend." in str(answer.body["message"])
    assert session.visible() == ["cart.blend"]


FORMER = Note("another source", "chair.blend", is_opened=True, attempts=1)


@pytest.mark.parametrize("former", [None, FORMER])
@pytest.mark.parametrize(
    "outcome", [OpenFailed(409, "A render runs."), Busy(begun=False), OpenFailed(415, "Blender cannot read the file.")]
)
async def test_no_later_start_opens_an_upload_that_was_answered_as_failed(
    tmp_path: Path, outcome: Exception, former: Note | None
) -> None:
    session = Session(tmp_path, UPLOAD)
    if former is not None:
        write_note(session.home, former)
    session.blender.outcomes = [outcome]
    assert (await session.put("cart.blend", old_blend())).status in {409, 415, 503}
    assert notes_in(session.home) == ([former] if former is not None else [])
    (session.home / "cart.blend").write_bytes(old_blend())
    session.start()
    async with session.running() as task:
        assert (await session.put("cart.blend", old_blend())).status == 200
        await task
    assert session.blender.opened == [session.home / "cart.blend", session.home / "cart-2.blend"]


async def test_an_upload_during_which_blender_and_the_agent_end_is_opened_by_the_next_start(tmp_path: Path) -> None:
    session = Session(tmp_path, UPLOAD)
    session.blender.goes_on.clear()
    upload = asyncio.create_task(session.put("cart.blend", old_blend()))
    await until_so("Blender opens it", lambda: bool(session.blender.opened))
    upload.cancel()
    await asyncio.gather(upload, return_exceptions=True)
    assert notes_in(session.home) == [Note(UPLOAD.source, "cart.blend", attempts=1)]
    session.blender.goes_on.set()
    await session.start().run()
    assert session.scene.state == OPEN
    assert session.blender.opened == [session.home / "cart.blend"] * 2


async def test_an_upload_that_blender_cannot_read_leaves_nothing(tmp_path: Path) -> None:
    session = Session(tmp_path, SceneSettings())
    session.blender.outcomes = [OpenFailed(415, "Blender cannot read the file.")]
    answer = await session.put("cart.zip", zipped(("a.blend", old_blend()), ("wood.png", b"")))
    assert (answer.status, answer.body["reason"]) == (415, "SceneUnreadable")
    assert session.visible() == []


async def test_without_blender_nothing_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.scene_source.START_SECONDS", 0.0)
    session = Session(tmp_path, SceneSettings())
    session.blender.has_started.clear()
    answer = await session.put("cart.blend", old_blend())
    message = "Blender is being started. Upload the scene again in a moment."
    assert (answer.status, answer.body["message"]) == (503, message)
    assert session.visible() == []


@pytest.mark.parametrize("name", ["cart.obj", "cart", "a/cart.blend", ".cart.blend", "%00.blend", "..%2fx.blend", ""])
async def test_what_is_no_scenes_name_is_refused(tmp_path: Path, name: str) -> None:
    session = Session(tmp_path, SceneSettings())
    assert (await session.put(name, old_blend())).status == 400
    assert names_below(session.home) == []


async def test_a_class_without_uploads_takes_none(tmp_path: Path) -> None:
    session = Session(tmp_path, SceneSettings())
    session.transfers = Transfers(session.home, None, TransferSettings(upload=False), lambda: "")
    assert (await session.put("cart.blend", old_blend())).status == 403


async def test_the_wait_lasts_until_the_upload(tmp_path: Path) -> None:
    session = Session(tmp_path, replace(UPLOAD, upload_seconds=DEADLINE_SECONDS))
    async with session.running() as task:
        await session.put("cart.blend", old_blend())
        await until_so("the wait is over", task.done)
