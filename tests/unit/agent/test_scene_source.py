"""The session's own scene is brought in once, and whatever happens on the way is told."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from agent.blender import BlenderState, Opened
from agent.bridge_requests import BlenderEnded, Busy
from agent.files.settings import TransferSettings
from agent.files.transfers import Transfers
from agent.messages import Content, Request, Response
from agent.routes import respond
from agent.scene_opening import MAX_ATTEMPTS
from agent.scene_source import OPEN, SceneSource
from limits.room import Left, Room
from scene.addresses import parse_networks
from scene.intake import Intake
from scene.note import NOTE_FILE, Note, read_notes, write_note
from scene.settings import SceneSettings
from scene.web import Web
from tls_server import Answering, tls_server
from unit.agent.bridge_end import until_so
from unit.scene.blends import new_blend, old_blend
from unit.scene.zips import names_below, zipped
from waiting import DEADLINE_SECONDS
from workspace.open_failure import OpenFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("loopback_is_open")
TOKEN = "correct-horse-battery"
STATE = BlenderState(7, True, "SceneOnScreen", "The scene is on screen.", version="4.3.2", file_version=(4, 3, 32))
UPLOAD = SceneSettings(awaits_upload=True)
VOLUME = SceneSettings(path="cart")


@dataclass
class FakeBlender:
    """Opens scenes, and does what a test says first."""

    state: BlenderState = STATE
    outcomes: list[Exception | Opened] = field(default_factory=list)
    opened: list[Path] = field(default_factory=list)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    """A scene that has begun to open is open after this."""
    has_started: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.goes_on.set()
        self.has_started.set()

    async def started(self) -> BlenderState:
        await self.has_started.wait()
        return self.state

    async def open(self, file: Path, _seconds: float) -> Opened:
        assert os.path.isfile(file)  # noqa: PTH113, ASYNC240 - a fake may look at the disk
        self.opened.append(file)
        await self.goes_on.wait()
        outcome = self.outcomes.pop(0) if self.outcomes else Opened()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Session:
    """A desktop of a test, in one folder."""

    def __init__(self, folder: Path, settings: SceneSettings, web: Web | None = None) -> None:
        self.home, self.mount = folder / "home", folder / "mount"
        self.home.mkdir(exist_ok=True)
        self.mount.mkdir(exist_ok=True)
        self.settings = settings
        self.max_bytes = 10**9
        self.blender = FakeBlender()
        self.notices: list[str] = []
        self.transfers = Transfers(self.home, None, TransferSettings(), lambda: "")
        self.web = web
        self.scene = self.start()

    def start(self) -> SceneSource:
        """Start the agent, for the first time or again."""
        intake = Intake(self.home, self.home / ".blender-session-transfers", self.transfers.room, self.max_bytes)
        self.scene = SceneSource(
            self.settings, intake, self.blender, lambda text, _: self.notices.append(text), self.web, self.mount
        )
        return self.scene

    async def put(self, name: str, content: bytes) -> Response:
        """Upload a scene."""

        async def blocks() -> AsyncIterator[bytes]:
            yield content

        path = f"/scene/{name}"
        asked = Request("PUT", path, f"Bearer {TOKEN}", raw_path=path, content=Content(len(content), blocks()))
        answer = await respond(asked, self, TOKEN)  # type: ignore[arg-type]
        assert isinstance(answer, Response)
        return answer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Bring the scene in meanwhile."""
        task = asyncio.create_task(self.scene.run())
        try:
            await asyncio.sleep(0)
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def visible(self) -> list[str]:
        """Return the files in the home folder that are not hidden."""
        return [name for name in names_below(self.home) if not name.startswith(".")]


def notes_in(home: Path) -> list[Note]:
    return list(read_notes(home).notes)


def on_volume(folder: Path, content: bytes | None = None) -> Session:
    session = Session(folder, VOLUME)
    (session.mount / "cart").mkdir()
    (session.mount / "cart" / "cart.blend").write_bytes(old_blend() if content is None else content)
    return session


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


async def test_a_failure_that_nobody_expected_is_told(tmp_path: Path) -> None:
    session = on_volume(tmp_path)
    session.blender.outcomes = [ValueError("x")]
    await session.scene.run()
    assert session.scene.state.reason == "SceneUnreadable"
    assert session.notices == [
        "The scene was not opened. The agent failed to bring the scene in. Its log has the details."
    ]


async def test_the_wait_lasts_until_the_upload(tmp_path: Path) -> None:
    session = Session(tmp_path, replace(UPLOAD, upload_seconds=DEADLINE_SECONDS))
    async with session.running() as task:
        await session.put("cart.blend", old_blend())
        await until_so("the wait is over", task.done)
