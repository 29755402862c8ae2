"""What the agent knows of Blender: the state that the bridge reported last, and requests to the bridge."""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.bridge_requests import BlenderEnded, BridgeRequests, Busy, Message
from workspace.files import clear_path
from workspace.open_failure import OpenFailed
from workspace.save_failure import SaveFailed

MAX_LINE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class BlenderState:
    """One report of the bridge."""

    pid: int = 0
    """Process ID of Blender; 0 while no Blender reports."""
    ready: bool = False
    reason: str = "BlenderStarting"
    message: str = "Blender is being started."
    file: str = ""
    dirty: bool = False
    draws: int = 0
    camera: str | None = None
    rendering: bool = False
    baking: bool = False
    playing: bool = False
    version: str = ""
    """Blender's version as people write it; empty while it is not known."""
    file_version: tuple[int, int, int] = (0, 0, 0)
    """`bpy.app.version_file`."""


NO_BLENDER: Final = BlenderState()


@dataclass(frozen=True)
class Opened:
    """A scene was opened."""

    missing: tuple[str, ...] = ()
    """The names of some files that it links to and that do not exist."""
    missing_count: int = 0
    """How many there are."""


class Blender:
    """Talks to the bridge in Blender over a Unix socket. There is one Blender at a time; the newest one counts.

    Args:
        notify: shows a text for a number of seconds. The bridge asks for it.
        clock: returns seconds on a monotonic clock.
    """

    def __init__(self, notify: Callable[[str, float], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._notify = notify
        self._clock = clock
        self._writer: asyncio.StreamWriter | None = None
        self._requests = BridgeRequests(self._send)
        self._is_started = asyncio.Event()
        self._reported = asyncio.Event()
        self._heard_at = -math.inf
        self.state = NO_BLENDER

    @property
    def silent_seconds(self) -> float:
        """The seconds since Blender's main loop ran; 0 while no Blender is connected."""
        return self._clock() - self._heard_at if self._writer is not None else 0.0

    async def listen(self, path: Path) -> asyncio.Server:
        """Listen on a Unix socket, in place of what an agent that was killed left there.

        Raises:
            OSError: the socket cannot be made.
        """
        clear_path(path)
        return await asyncio.start_unix_server(self._serve, path, limit=MAX_LINE_BYTES)

    async def save(self, seconds: float) -> str:
        """Save what the person made and return the absolute path of the scene's file.

        Raises:
            SaveFailed: Blender could not write the file, or ended.
            Busy: Blender did not save in time.
        """
        if self._writer is None:
            raise Busy(begun=False)
        try:
            # A client that asks again because a save takes long waits for the same save: another would take as long.
            answer = await self._requests.join("save", seconds) or await self._requests.ask({"type": "save"}, seconds)
        except BlenderEnded:
            raise SaveFailed(500, "Blender ended before the scene was saved. The file is unchanged.") from None
        if "file" in answer:
            return str(answer["file"])
        raise SaveFailed(*_failure(answer))

    async def open(self, file: Path, seconds: float) -> Opened:
        """Open a scene. What is open is saved first if it has changes.

        Args:
            file: the scene.
            seconds: how long Blender may take to begin. It may then take as long as it takes.

        Raises:
            OpenFailed: Blender cannot open it now, or at all. What was open is still open.
            Busy: Blender did not begin in time, and will not open it.
            BlenderEnded: Blender ended meanwhile, or does not run.
        """
        if self._writer is None:
            raise BlenderEnded
        try:
            answer = await self._requests.ask({"type": "open", "file": str(file)}, seconds)
        except Busy as busy:
            if not busy.begun:
                raise
            answer = await self._requests.join("open", None) or {}
        if "file" not in answer:
            raise OpenFailed(*_failure(answer))
        missing = answer.get("missing")
        names = tuple(str(each) for each in missing) if isinstance(missing, list) else ()
        return Opened(names, int(str(answer.get("missing_count", 0))))

    async def started(self) -> BlenderState:
        """Wait until a Blender has drawn its window, and return its state."""
        await self._is_started.wait()
        return self.state

    async def next_report(self) -> BlenderState:
        """Wait until Blender reports again, or ends, and return its state."""
        self._reported.clear()
        await self._reported.wait()
        return self.state

    def _send(self, message: Message) -> None:
        if self._writer is not None:
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        former, self._writer = self._writer, writer
        if former is not None:
            former.close()
        self._heard_at = self._clock()
        try:
            # A line above the limit raises ValueError. The bridge connects again then.
            with contextlib.suppress(ConnectionError, ValueError):
                while line := await reader.readline():
                    # Any program of the person can write to the socket.
                    with contextlib.suppress(ValueError, TypeError, OverflowError, RecursionError):
                        self._receive(json.loads(line))
        finally:
            writer.close()
            if self._writer is writer:
                self._lost()

    def _lost(self) -> None:
        self._writer, self.state = None, NO_BLENDER
        self._is_started.clear()
        self._reported.set()
        self._requests.end()

    def _receive(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        match message.get("type"):
            case "state":
                self._heard_at = self._clock()
                self.state = _parse_state(message)
                self._reported.set()
                if self.state.ready:
                    self._is_started.set()
            case "notice":
                self._notify(str(message.get("message", "")), float(str(message.get("seconds", 0))))
            case "begun":
                self._requests.receive_begun(int(str(message.get("id", 0))))
            case "result":
                self._requests.receive_answer(int(str(message.get("id", 0))), message)


def _failure(answer: Message) -> tuple[int, str]:
    return int(str(answer.get("status", 500))), str(answer.get("message", ""))


def _parse_state(message: dict[str, object]) -> BlenderState:
    return BlenderState(
        pid=int(str(message.get("pid", 0))),
        ready=bool(message.get("ready")),
        reason=str(message.get("reason", "")),
        message=str(message.get("message", "")),
        file=str(message.get("file", "")),
        dirty=bool(message.get("dirty")),
        draws=int(str(message.get("draws", 0))),
        camera=None if message.get("camera") is None else str(message["camera"]),
        rendering=bool(message.get("rendering")),
        baking=bool(message.get("baking")),
        playing=bool(message.get("playing")),
        version=str(message.get("version", "")),
        file_version=_parse_version(message.get("file_version")),
    )


def _parse_version(found: object) -> tuple[int, int, int]:
    if not isinstance(found, list) or len(found) != 3:
        return (0, 0, 0)
    major, minor, counter = (int(str(each)) for each in found)
    return (major, minor, counter)
