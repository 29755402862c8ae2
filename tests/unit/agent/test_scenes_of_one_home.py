"""Sessions that have one home folder, one after the other, each find their own scene in it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agent.bridge_requests import BlenderEnded
from agent.scene_opening import MAX_ATTEMPTS
from agent.scene_source import OPEN
from scene.settings import SceneSettings
from unit.agent.bridge_end import until_so
from unit.agent.scene_sessions import UPLOAD, VOLUME, Session, on_volume
from unit.scene.blends import old_blend
from workspace.state_file import WorkspaceState, write_state

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_new_session_in_a_used_home_folder_awaits_its_own_upload(tmp_path: Path) -> None:
    session = Session(tmp_path, replace(UPLOAD, session_uid="first"))
    assert (await session.put("cart.blend", old_blend())).status == 200
    assert session.start().state == OPEN
    session.settings = replace(UPLOAD, session_uid="second")
    assert session.start().state.reason == "AwaitingUpload"


@pytest.mark.parametrize("other", [replace(VOLUME, session_uid="second"), replace(VOLUME, claim="chairs")])
async def test_a_scene_of_another_session_or_claim_is_another_one(tmp_path: Path, other: SceneSettings) -> None:
    session = on_volume(tmp_path)
    await session.scene.run()
    session.settings = other
    await session.start().run()
    assert session.visible() == ["cart-2/cart.blend", "cart/cart.blend"]
    assert session.blender.opened[-1] == session.home / "cart-2" / "cart.blend"


def sharing(folder: Path, first: SceneSettings, second: SceneSettings) -> tuple[Session, SceneSettings, SceneSettings]:
    """A home folder of two sessions, one after the other."""
    session = on_volume(folder)
    (session.mount / "chair").mkdir()
    (session.mount / "chair" / "chair.blend").write_bytes(old_blend())
    return session, replace(first, session_uid="first"), replace(second, session_uid="second")


async def run_with(session: Session, settings: SceneSettings) -> list[str]:
    """Start a desktop with these settings, and return what its agent opens."""
    session.settings = settings
    session.blender.opened.clear()
    await session.start().run()
    assert session.scene.state == OPEN
    return [str(file.relative_to(session.home)) for file in session.blender.opened]


@pytest.mark.parametrize(
    ("other", "theirs"),
    [
        (replace(VOLUME, path="chair"), "chair/chair.blend"),
        (VOLUME, "cart-2/cart.blend"),
        (SceneSettings(), ""),
    ],
)
async def test_a_session_finds_its_own_scene_after_another_one_had_the_home_folder(
    tmp_path: Path, other: SceneSettings, theirs: str
) -> None:
    session, first, second = sharing(tmp_path, VOLUME, other)
    assert await run_with(session, first) == ["cart/cart.blend"]
    (session.home / "cart" / "cart.blend").write_bytes(old_blend() + b"work")
    assert await run_with(session, second) == ([theirs] if theirs else [])
    brought = session.visible()
    assert await run_with(session, first) == ["cart/cart.blend"], "what was open last is not its own"
    assert (session.home / "cart" / "cart.blend").read_bytes().endswith(b"work")
    assert await run_with(session, first) == [], "what was open last is its own"
    assert await run_with(session, second) == ([theirs] if theirs else [])
    assert session.visible() == brought, "nothing is brought in twice"


async def test_a_session_finds_what_it_had_open_last_after_another_one_had_the_home_folder(tmp_path: Path) -> None:
    session, first, second = sharing(tmp_path, VOLUME, replace(VOLUME, path="chair"))
    await run_with(session, first)
    await run_with(session, first)
    for name in ("table.blend", "lamp.blend"):
        (session.home / name).write_bytes(old_blend())
    write_state(session.home, WorkspaceState("table.blend"))
    assert await run_with(session, second) == ["chair/chair.blend"]
    write_state(session.home, WorkspaceState("lamp.blend"))
    assert await run_with(session, first) == ["table.blend"], "what its person saved under another name"
    assert await run_with(session, first) == []
    write_state(session.home, WorkspaceState("table.blend"))
    assert await run_with(session, second) == ["lamp.blend"]
    (session.home / "table.blend").unlink()
    assert await run_with(session, first) == ["cart/cart.blend"], "what it had open last is gone"
    assert session.visible() == ["cart/cart.blend", "chair/chair.blend", "lamp.blend"]


async def test_what_another_session_had_open_is_not_that_of_one_whose_scene_never_opened(tmp_path: Path) -> None:
    session, first, second = sharing(tmp_path, VOLUME, replace(VOLUME, path="chair"))
    (session.home / "lamp.blend").write_bytes(old_blend())
    write_state(session.home, WorkspaceState("lamp.blend"))
    session.settings = first
    session.start()
    session.blender.goes_on.clear()
    async with session.running():
        await until_so("it is being opened", lambda: session.blender.opened)
    session.blender.goes_on.set()
    assert await run_with(session, second) == ["chair/chair.blend"]
    assert await run_with(session, first) == ["cart/cart.blend"]


async def test_a_session_that_awaited_an_upload_does_not_await_it_again(tmp_path: Path) -> None:
    session, first, second = sharing(tmp_path, UPLOAD, VOLUME)
    session.settings = first
    session.start()
    assert (await session.put("cart.blend", old_blend())).status == 200
    await run_with(session, second)
    assert await run_with(session, first) == ["cart.blend"]


async def test_a_scene_that_somebody_else_removed_is_brought_in_again(tmp_path: Path) -> None:
    session, first, second = sharing(tmp_path, VOLUME, replace(VOLUME, path="chair"))
    await run_with(session, first)
    await run_with(session, second)
    shutil.rmtree(session.home / "cart")
    assert await run_with(session, first) == ["cart/cart.blend"]


async def test_a_former_sessions_failure_is_not_its_successors(tmp_path: Path) -> None:
    session, first, second = sharing(tmp_path, VOLUME, replace(VOLUME, path="chair"))
    session.settings = first
    session.blender.outcomes = [BlenderEnded() for _ in range(MAX_ATTEMPTS)]
    await session.start().run()
    assert session.scene.state.reason == "SceneUnreadable"
    assert await run_with(session, second) == ["chair/chair.blend"]
    session.settings = first
    await session.start().run()
    assert session.scene.state.message.startswith(f"Blender ended {MAX_ATTEMPTS} times")
