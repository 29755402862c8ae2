"""What the agent knows of Blender: the state that the bridge reported last, and requests to the bridge."""

import asyncio
import contextlib
import itertools
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workspace.files import clear_path
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
    """Such as 4.3.2; empty while no Blender reports."""


NO_BLENDER: Final = BlenderState()


class Busy(Exception):  # noqa: N818 - the state of Blender
    """Blender did not save in time.

    Args:
        begun: whether the save was begun. If not, it never will be.
    """

    def __init__(self, begun: bool) -> None:
        super().__init__("Blender is busy.")
        self.begun = begun


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
        self._numbers = itertools.count(1)
        self._saves: dict[int, asyncio.Future[str]] = {}
        self._begun: set[int] = set()
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
        # A client that asks again because a save takes long waits for the same save. Another one would take as long.
        number = next(iter(self._begun), None) or self._ask_to_save()
        future = self._saves[number]
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(future)
        except TimeoutError:
            if number in self._begun:
                raise Busy(begun=True) from None
            self._saves.pop(number, None)
            self._send({"type": "cancel", "id": number})
            raise Busy(begun=False) from None

    def _ask_to_save(self) -> int:
        number = next(self._numbers)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # Nobody may wait any more when the answer comes.
        future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._saves[number] = future
        self._send({"type": "save", "id": number})
        return number

    def _send(self, message: dict[str, object]) -> None:
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
        for future in self._saves.values():
            if not future.done():
                future.set_exception(
                    SaveFailed(500, "Blender ended before the scene was saved. The file is unchanged.")
                )
        self._saves.clear()
        self._begun.clear()

    def _receive(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        match message.get("type"):
            case "state":
                self._heard_at = self._clock()
                self.state = _parse_state(message)
            case "notice":
                self._notify(str(message.get("message", "")), float(str(message.get("seconds", 0))))
            case "begun":
                self._begun |= {int(str(message.get("id", 0)))} & self._saves.keys()
            case "result":
                self._finish(message)

    def _finish(self, message: dict[str, object]) -> None:
        number = int(str(message.get("id", 0)))
        future = self._saves.pop(number, None)
        self._begun.discard(number)
        if future is None or future.done():
            return
        if "file" in message:
            future.set_result(str(message["file"]))
        else:
            future.set_exception(SaveFailed(int(str(message.get("status", 500))), str(message.get("message", ""))))


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
    )
