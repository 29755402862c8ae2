"""Opens a sample in a desktop that runs already, which a session has taken from a pool."""

import asyncio
from pathlib import Path
from typing import Final

from agent.blender import Blender, BlenderState
from agent.bridge_requests import BlenderEnded, Busy
from agent.messages import Refused
from workspace.files import is_regular_file
from workspace.open_failure import OpenFailed
from workspace.sample_copy import copy_sample

SAMPLES: Final = Path("/usr/share/blender-sessions/scenes")
OPEN_SECONDS: Final = 25.0
"""How long a sample may take until it is on screen. The operator waits a little longer."""


class Samples:
    """Opens samples, one at a time.

    The operator asks twice after a crash of its own. A sample that is open is not opened again, and the second request
    for one that is being opened waits for the first.

    Args:
        home: the home folder.
        blender: opens them.
        folder: the folder of samples.
    """

    def __init__(self, home: Path, blender: Blender, folder: Path = SAMPLES) -> None:
        self._home = home
        self._blender = blender
        self._folder = folder
        self._opening: tuple[str, asyncio.Task[Path]] | None = None

    async def open(self, name: str) -> Path:
        """Open a sample by its file name, and return its copy in the home folder when it is on screen.

        What is open is saved first if it has changes.

        Raises:
            Refused: there is no such sample, another one is being opened, or Blender does not open it.
        """
        original = await asyncio.to_thread(_find, name, self._folder)
        if self._opening is None or self._opening[1].done():
            task = asyncio.create_task(self._open(original), name=f"open {name}")
            # Nobody may wait for it any more when it ends.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            self._opening = name, task
        opening, task = self._opening
        if opening != name:
            raise Refused(409, f"{opening} is being opened. Ask for {name} when it is on screen.")
        # Whoever asked first may go away, and others wait.
        return await asyncio.shield(task)

    async def _open(self, original: Path) -> Path:
        name, blender = original.name, self._blender
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                copy = await asyncio.to_thread(_copy_of, original, self._home)
                if blender.state.file != str(copy):
                    await blender.open(copy, OPEN_SECONDS)
                while not _shows(blender.state, copy):
                    await blender.next_report()
        except (OpenFailed, Busy, BlenderEnded, TimeoutError) as error:
            reason = str(error) or "Blender did not show it in time."
            raise Refused(503, f"{name} was not opened. {reason}") from None
        except OSError as error:
            raise Refused(507, f"{name} could not be copied to the home folder: {error.strerror}.") from None
        return copy


def _copy_of(original: Path, home: Path) -> Path:
    """Return the copy of a sample that an attempt before has made, or a new one."""
    copy = home / original.name
    return copy if is_regular_file(copy) else copy_sample(original, home)


def _shows(state: BlenderState, file: Path) -> bool:
    return state.ready and state.file == str(file)


def _find(name: str, samples: Path) -> Path:
    """Return the path of a sample. Its name is compared with the list, so that none leads out of the folder."""
    available = sorted(path.name for path in samples.glob("*.blend"))
    if name not in available:
        raise Refused(404, f"There is no sample {name!r}. The image has: {', '.join(available) or 'none'}.")
    return samples / name
