"""Runs the agent: `python3 -I run.py agent`."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from agent.blender import Blender, BlenderState
from agent.files.receiving import FOLDER_NAME, leftovers, remove_leftovers
from agent.files.settings import TransferSettings
from agent.files.transfers import Transfers
from agent.idle import InputClock
from agent.messages import Request, Response, Streamed
from agent.notices import Notices, NotShown
from agent.routes import is_ready, respond
from agent.samples import Samples
from agent.scene_source import SceneSource
from agent.server import serve
from agent.start_wait import StartWait
from agent.thumbnails.desktop import DesktopThumbnails
from agent.watch import Folders, Watch
from agent.work import Work, WorkTracker
from scene.intake import Intake
from scene.settings import SceneSettings

PORT: Final = 8788
TOKEN_FILE: Final = Path("/run/secrets/desktop/agent-token")
SAVE_TIMEOUT_SECONDS: Final = 50.0
"""Shorter than a minute, so that a client that waits a minute gets an answer."""
OPEN_FILES: Final = 65536
"""Connections that the agent can hold, as far as the container allows."""
THREADS: Final = 32
"""Far more than the calls that wait for a volume at a time."""


class Agent:
    """The desktop as the routes see it.

    Args:
        token: the token that requests must carry.
        folders: the folders that may become full.
        transfers: which files may go in and out.
        settings: where the session's own scene comes from.
    """

    def __init__(self, token: str, folders: Folders, transfers: TransferSettings, settings: SceneSettings) -> None:
        self._token = token
        self._notices = Notices()
        self._input = InputClock()
        self._work = WorkTracker()
        self._tasks: set[asyncio.Task[None]] = set()
        self.blender = Blender(self.notify)
        self.transfers = Transfers(folders.home, folders.home_limit_bytes, transfers, lambda: self.state.file)
        intake = Intake(folders.home, folders.home / FOLDER_NAME, self.transfers.room, transfers.max_bytes)
        self.scene = SceneSource(settings, intake, self.blender, self.notify)
        self._samples = Samples(folders.home, self.blender)
        self.thumbnails = DesktopThumbnails(lambda: self.blender.state.ready)
        self.watch = Watch(self.blender, self._work, folders, self.notify)
        self.start = StartWait(lambda: is_ready(self), self.blender.next_report)

    @property
    def state(self) -> BlenderState:
        """The last report of the bridge."""
        return self.blender.state

    @property
    def work(self) -> Work:
        """What goes on in Blender."""
        return self._work.current

    def idle_seconds(self) -> float:
        """Return the seconds since the last input."""
        return self._input.seconds()

    async def save(self) -> str:
        """Save what the person made and return the absolute path of the scene's file."""
        return await self.blender.save(SAVE_TIMEOUT_SECONDS)

    async def open_sample(self, name: str) -> str:
        """Open a sample, and return the absolute path of its copy when it is on screen."""
        return str(await self._samples.open(name))

    async def show(self, message: str, seconds: float) -> None:
        """Show a notice in place of the current one, or remove the current one if the message is empty."""
        await asyncio.to_thread(self._notices.show, message, seconds)

    def notify(self, message: str, seconds: float) -> None:
        """Show a notice of the desktop's own below the current one."""
        task = asyncio.ensure_future(self._add(message, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answer(self, request: Request) -> Response | Streamed:
        """Answer an HTTP request."""
        return await respond(request, self, self._token)

    async def _add(self, message: str, seconds: float) -> None:
        print(message, file=sys.stderr)  # noqa: T201
        try:
            await asyncio.to_thread(self._notices.add, message, seconds)
        except NotShown as error:
            print(error, file=sys.stderr)  # noqa: T201


async def run(environment: Mapping[str, str]) -> None:
    """Serve until SIGTERM."""
    folders = Folders(
        Path(environment["BLENDER_SESSION_HOME"]),
        _bytes(environment.get("BLENDER_HOME_LIMIT_BYTES", "")),
        Path("/tmp"),  # noqa: S108 - an emptyDir of this pod alone
        _bytes(environment.get("BLENDER_TMP_LIMIT_BYTES", "")),
        environment.get("BLENDER_WORKSPACE") == "true",
    )
    transfers = TransferSettings.from_environment(environment)
    # On a volume that hangs, all places for files wait in threads. Others must find one still.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    settings = SceneSettings.from_environment(environment)
    agent = Agent(TOKEN_FILE.read_text().strip(), folders, transfers, settings)
    bridge = await agent.blender.listen(Path(environment["BLENDER_SESSION_SOCKET"]))
    unfinished = leftovers(folders.home)
    server = await serve(agent.answer, PORT)
    clearing = asyncio.create_task(asyncio.to_thread(remove_leftovers, folders.home, unfinished))
    scene = asyncio.create_task(agent.scene.run())
    watch = asyncio.create_task(agent.watch.run())
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    scene.cancel()
    watch.cancel()
    clearing.cancel()
    server.close()
    bridge.close()


def _bytes(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))


if __name__ == "__main__":
    _raise_file_limit()
    asyncio.run(run(os.environ))
