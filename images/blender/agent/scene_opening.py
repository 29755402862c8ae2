"""Opens scenes in Blender, and notes each attempt for the next start."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from agent.blender import Blender, Opened
from agent.bridge_requests import BlenderEnded, Busy
from scene.failure import Reason, SceneRefused
from scene.intake import TakenIn
from scene.note import Note, put_back, read_notes, write_note
from workspace.open_failure import UNREADABLE, OpenFailed

MAX_ATTEMPTS: Final = 3
"""A scene during whose opening Blender ended or failed this often is not opened again."""
BEGIN_SECONDS: Final = 50.0
"""How long a busy Blender may take to begin to open a scene."""
RETRY_SECONDS: Final = 2.0
_PASSING: Final = (409, 503, 507)
"""HTTP statuses of what is no fault of the scene, and passes: a render, a bake, a volume that is full."""
_KEPT: Final = "The file is still in the home folder."


class SceneOpening:
    """Opens scenes.

    Args:
        home: the home folder.
        blender: opens them.
        waits: is told a sentence while a scene waits until it can be opened.
    """

    def __init__(self, home: Path, blender: Blender, waits: Callable[[str], None]) -> None:
        self._home = home
        self._blender = blender
        self._waits = waits

    async def open(self, taken: TakenIn) -> Opened:
        """Open a scene, and remove it again if it is new and Blender cannot read it.

        Raises:
            SceneRefused: Blender cannot read it.
            OpenFailed: it cannot be opened now.
            Busy: Blender did not get to it in time.
            BlenderEnded: Blender ended meanwhile, or does not run.
        """
        try:
            return await self._blender.open(taken.file, BEGIN_SECONDS)
        except OpenFailed as failed:
            if failed.status != UNREADABLE:
                raise
            await asyncio.to_thread(taken.remove)
            raise SceneRefused(Reason.UNREADABLE, f"{taken.file.name}: {failed.message}") from None

    async def open_noted(self, taken: TakenIn, note: Note, *, is_patient: bool) -> Opened:
        """Open the session's own scene, and note each attempt: a Blender that crashes ends this process too.

        An attempt that Blender outlives does not count, and a later start does not open what was answered as failed.
        Of a scene that is given up, the next start says so, and the one after it finds no note.

        Args:
            taken: the scene.
            note: what to note.
            is_patient: whether to wait until Blender can open it, when something else goes on there.

        Raises:
            SceneRefused: Blender cannot read it, or ends or fails each time.
            OpenFailed: it cannot be opened now.
            Busy: Blender did not get to it in time.
        """
        home, name = self._home, taken.file.name
        if note.attempts >= MAX_ATTEMPTS:
            # Told once more, since Blender's end ended the start before. The start after this one brings it in anew.
            await asyncio.to_thread(put_back, home, note.source, None)
        former = (await asyncio.to_thread(read_notes, home)).of(note.source)
        failures = 0
        while note.attempts < MAX_ATTEMPTS:
            await self._blender.started()
            attempt = replace(note, attempts=note.attempts + 1)
            await asyncio.to_thread(write_note, home, attempt)
            try:
                opened = await self.open(taken)
            except BlenderEnded:
                note = attempt
                continue
            except (OpenFailed, Busy, SceneRefused) as error:
                await asyncio.to_thread(put_back, home, note.source, note if is_patient else former)
                if not is_patient or isinstance(error, SceneRefused):
                    raise
                failures += isinstance(error, OpenFailed) and error.status not in _PASSING
                if failures == MAX_ATTEMPTS:
                    message = f"Blender failed {failures} times to open {name}. {error} {_KEPT}"
                    raise SceneRefused(Reason.UNREADABLE, message) from None
                self._waits(f"{name} waits until it can be opened. {error}")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await asyncio.to_thread(write_note, home, replace(attempt, is_opened=True))
            return opened
        raise SceneRefused(Reason.UNREADABLE, f"Blender ended {MAX_ATTEMPTS} times while it opened {name}. {_KEPT}")
