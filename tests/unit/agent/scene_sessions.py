"""A desktop of a test whose agent brings a scene in."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.blender import BlenderState, Opened
from agent.files.settings import TransferSettings
from agent.files.transfers import Transfers
from agent.messages import Content, Request, Response
from agent.routes import respond
from agent.scene_source import SceneSource
from scene.intake import Intake
from scene.note import Note, read_notes
from scene.settings import SceneSettings
from unit.scene.blends import old_blend
from unit.scene.zips import names_below

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scene.web import Web

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
