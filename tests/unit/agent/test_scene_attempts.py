"""A scene that Blender does not open at once is tried again, and is given up when it always ends Blender."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agent.bridge_requests import BlenderEnded, Busy
from agent.scene_opening import MAX_ATTEMPTS
from agent.scene_source import OPEN
from scene.note import Note, write_note
from unit.agent.bridge_end import until_so
from unit.agent.scene_sessions import STATE, VOLUME, notes_in, on_volume
from unit.scene.blends import old_blend
from workspace.open_failure import OpenFailed

if TYPE_CHECKING:
    from pathlib import Path

    from agent.blender import BlenderState


async def test_a_scene_that_blender_cannot_read_is_removed_again(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    session.blender.outcomes = [OpenFailed(415, "Blender cannot read the file.")]
    await session.scene.run()
    assert (session.scene.state.reason, session.visible()) == ("SceneUnreadable", [])
    # The next start tries again.
    await session.start().run()
    assert session.scene.state == OPEN


async def test_a_blender_that_is_quit_opens_it_when_it_is_back(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    session.blender.outcomes = [BlenderEnded(), BlenderEnded()]
    await session.scene.run()
    assert session.scene.state == OPEN
    assert len(session.blender.opened) == 3


async def test_a_container_that_ended_meanwhile_opens_what_is_there(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    (session.home / "cart.blend").write_bytes(old_blend())
    write_note(session.home, Note(VOLUME.source, "cart.blend", attempts=1))
    await session.start().run()
    assert session.blender.opened == [session.home / "cart.blend"]
    assert session.visible() == ["cart.blend"]
    assert notes_in(session.home) == [Note(VOLUME.source, "cart.blend", is_opened=True, attempts=2)]


async def test_a_scene_of_a_former_start_is_never_removed(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    (session.home / "cart.blend").write_bytes(old_blend())
    write_note(session.home, Note(VOLUME.source, "cart.blend", attempts=1))
    session.blender.outcomes = [OpenFailed(415, "Blender cannot read the file.")]
    await session.start().run()
    assert session.scene.state.reason == "SceneUnreadable"
    assert session.visible() == ["cart.blend"]


async def test_a_scene_that_always_ends_blender_is_given_up(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    session.blender.outcomes = [BlenderEnded() for _ in range(MAX_ATTEMPTS)]
    await session.scene.run()
    await session.start().run()
    assert session.scene.state.reason == "SceneUnreadable"
    assert session.scene.state.message.startswith(f"Blender ended {MAX_ATTEMPTS} times while it opened cart.blend.")
    assert len(session.blender.opened) == MAX_ATTEMPTS


@pytest.mark.parametrize("file", ["cart/cart.blend", "uploaded.blend"])
async def test_what_was_given_up_and_told_is_brought_in_anew_by_the_next_start(tmp_path: Path, file: str) -> None:
    """Somebody may have mended the volume, or have uploaded what ended Blender in the place of the session's own."""
    session = on_volume(tmp_path)
    (session.home / file).parent.mkdir(exist_ok=True)
    (session.home / file).write_bytes(old_blend())
    write_note(session.home, Note(VOLUME.source, file, attempts=MAX_ATTEMPTS))
    await session.start().run()
    assert session.scene.state.message.startswith(f"Blender ended {MAX_ATTEMPTS} times")
    assert session.blender.opened == []
    await session.start().run()
    assert session.scene.state == OPEN
    (opened,) = session.blender.opened
    assert opened.name == "cart.blend"
    assert opened != session.home / file
    assert (session.home / file).is_file()


@pytest.mark.parametrize(
    "outcome",
    [OpenFailed(409, "A render runs."), OpenFailed(503, "A bake."), OpenFailed(507, "Full."), Busy(begun=False)],
)
async def test_what_goes_on_in_blender_is_waited_for(
    tmp_path: Path, outcome: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.scene_opening.RETRY_SECONDS", 0)
    session = on_volume(tmp_path)
    session.blender.outcomes = [outcome for _ in range(MAX_ATTEMPTS + 1)]
    await session.scene.run()
    assert session.scene.state == OPEN


async def test_a_failure_that_does_not_pass_is_given_up_and_the_next_start_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.scene_opening.RETRY_SECONDS", 0)
    session = on_volume(tmp_path)
    unexpected = OpenFailed(500, "The scene was not opened: KeyError('x').")
    session.blender.outcomes = [OpenFailed(409, "A render runs."), *[unexpected] * MAX_ATTEMPTS]
    await session.scene.run()
    assert session.scene.state.reason == "SceneUnreadable"
    assert session.scene.state.message == (
        f"Blender failed {MAX_ATTEMPTS} times to open cart.blend. The scene was not opened: KeyError('x'). "
        "The file is still in the home folder."
    )
    assert session.notices == [f"The scene was not opened. {session.scene.state.message}"]
    await session.start().run()
    assert session.scene.state == OPEN
    assert session.visible() == ["cart/cart.blend"]


async def test_a_wait_for_a_render_counts_as_no_attempt(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    for _ in range(MAX_ATTEMPTS):
        session.blender.outcomes = [OpenFailed(409, "A render runs.")]
        session.start()
        async with session.running():
            await until_so("it waits", lambda: "A render runs." in session.scene.state.message)
    assert notes_in(session.home) == [Note(VOLUME.source, "cart/cart.blend")]
    await session.start().run()
    assert session.scene.state == OPEN
    assert session.visible() == ["cart/cart.blend"]


@pytest.mark.parametrize("state", [replace(STATE, rendering=True), replace(STATE, baking=True)])
async def test_while_a_render_runs_nothing_is_asked_and_the_scene_is_noted_once(
    tmp_path: Path, state: BlenderState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.scene_opening.RETRY_SECONDS", 0)
    written: list[Note] = []
    looks: list[BlenderState] = []
    session = on_volume(tmp_path)
    session.blender.state = state
    started = session.blender.started

    def noted(home: Path, note: Note) -> None:
        written.append(note)
        write_note(home, note)

    async def looked() -> BlenderState:
        looks.append(await started())
        return looks[-1]

    monkeypatch.setattr("agent.scene_opening.write_note", noted)
    monkeypatch.setattr(session.blender, "started", looked)
    async with session.running() as bringing:
        await until_so("it has looked often", lambda: len(looks) > 20)
        assert session.scene.state.message == "cart.blend waits until it can be opened. A render or a bake runs."
        assert written == [Note(VOLUME.source, "cart/cart.blend")]
        assert session.blender.opened == []
        session.blender.state = STATE
        await bringing
    assert session.scene.state == OPEN
