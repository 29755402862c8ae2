"""The session's own scene is brought in once, and whatever happens on the way is told."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from agent.blender import Opened
from agent.scene_source import OPEN
from limits.room import Left, Room
from scene.addresses import parse_networks
from scene.note import NOTE_FILE
from scene.settings import SceneSettings
from scene.web import Web
from tls_server import Answering, tls_server
from unit.agent.scene_sessions import VOLUME, Session, on_volume
from unit.scene.blends import new_blend, old_blend
from unit.scene.zips import names_below, zipped

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("loopback_is_open")


async def test_without_a_source_nothing_is_awaited(tmp_path: Path) -> None:
    session = Session(tmp_path, SceneSettings())
    assert session.scene.state == OPEN
    await session.scene.run()
    assert session.blender.opened == []


async def test_a_scene_of_a_volume_is_opened_once(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    assert session.scene.state.reason == "SceneFetching"
    await session.scene.run()
    assert session.scene.state == OPEN
    assert session.blender.opened == [session.home / "cart" / "cart.blend"]
    await session.start().run()
    assert len(session.blender.opened) == 1
    assert session.scene.state == OPEN
    assert session.visible() == ["cart/cart.blend"]


async def test_another_source_is_brought_in(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    await session.scene.run()
    session.settings = SceneSettings(path="cart/cart.blend")
    await session.start().run()
    assert session.visible() == ["cart.blend", "cart/cart.blend"]


async def test_links_that_stay_behind_and_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    session = on_volume(tmp_path, old_blend("405", (4, 2, 0)))
    (session.mount / "cart" / "wood.png").symlink_to("/etc/passwd")
    session.blender.outcomes = [Opened(tuple("abcde"), 17)]
    await session.scene.run()
    (notice,) = session.notices
    assert notice == (
        "cart.blend was saved by Blender 4.5. This desktop has Blender 4.3.2: what that does not know is lost when the "
        "scene is saved. Links and the like in the volume were not copied: wood.png. cart.blend links to files that "
        "are missing: a, b, c, d, e and 12 more. Pack them into the scene, or send the scene with them as a .zip."
    )


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [(b"garbage", "SceneUnreadable", "is no .blend file"), (new_blend(), "SceneTooNew", "saved by Blender 5.2")],
)
async def test_a_scene_that_cannot_be_opened_is_told(tmp_path: Path, content: bytes, reason: str, words: str) -> None:
    session = on_volume(tmp_path, content)
    await session.scene.run()
    assert session.scene.state.reason == reason
    assert session.scene.state.needs == ("4.5" if reason == "SceneTooNew" else "")
    assert words in session.scene.state.message
    assert session.notices == [f"The scene was not opened. {session.scene.state.message}"]
    assert session.visible() == []


async def test_a_missing_path_is_told(tmp_path: Path) -> None:
    session = Session(tmp_path, VOLUME)
    await session.scene.run()
    assert session.scene.state.reason == "SceneNotFound"


async def test_a_full_home_folder_is_told(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    session.max_bytes = 100
    await session.start().run()
    assert session.scene.state.reason == "SceneTooLarge"
    assert names_below(session.home) == [NOTE_FILE]


async def test_a_scene_that_there_is_no_room_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A larger scene is allowed: the limit of the class is not the way out."""
    session = on_volume(tmp_path)
    monkeypatch.setattr(Room, "left", lambda _: Left(1000, "in the home folder"))
    session.scene = session.start()
    await session.scene.run()
    assert session.scene.state.reason == "NoRoomForScene"
    assert "There is no room for cart of the volume" in session.scene.state.message
    assert session.visible() == []


async def test_a_home_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    (session.home / ".blender-session-transfers").write_text("in the way")
    await session.scene.run()
    assert session.scene.state.reason == "SceneUnreadable"
    assert session.notices == [f"The scene was not opened. {session.scene.state.message}"]


async def test_a_scene_is_fetched(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        content = zipped(("cart.blend", old_blend()), ("wood.png", b"wood"))
        await answering.respond("200 OK", content, 'Content-Disposition: attachment; filename="My cart.zip"')

    with tls_server(tmp_path, script) as server:
        web = Web(parse_networks("127.0.0.0/8"), server.ca_file)
        session = Session(tmp_path, SceneSettings(url=server.url("/x?token=secret")), web)
        await session.scene.run()
    assert session.scene.state == OPEN
    assert session.visible() == ["My cart/cart.blend", "My cart/wood.png"]
    assert "secret" not in (session.home / NOTE_FILE).read_text()


async def test_a_fetch_that_fails_is_told_and_tried_again_by_the_next_start(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("404 Not Found" if len(server.asked) == 1 else "200 OK", old_blend())

    with tls_server(tmp_path, script) as server:
        web = Web(parse_networks("127.0.0.0/8"), server.ca_file)
        session = Session(tmp_path, SceneSettings(url=server.url("/cart.blend")), web)
        await session.scene.run()
        assert session.scene.state.reason == "SceneUnreachable"
        assert (await session.put("mine.blend", old_blend())).status == 200
        assert session.scene.state == OPEN
        shutil.rmtree(session.home)
        session.home.mkdir()
        await session.start().run()
    assert session.visible() == ["cart.blend"]


async def test_a_failure_that_nobody_expected_is_told(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    session.blender.outcomes = [ValueError("x")]
    await session.scene.run()
    assert session.scene.state.reason == "SceneUnreadable"
    assert session.notices == [
        "The scene was not opened. The agent failed to bring the scene in. Its log has the details."
    ]
