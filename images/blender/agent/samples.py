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


async def open_sample(name: str, home: Path, blender: Blender, samples: Path = SAMPLES) -> Path:
    """Open a sample, and return its copy in the home folder when it is on screen.

    One that is open already is not opened again: the operator asks twice after a crash of its own.

    Args:
        name: the sample's file name.
        home: the home folder.
        blender: opens it.
        samples: the folder of samples.

    Raises:
        Refused: there is no such sample, or Blender does not open it.
    """
    original = await asyncio.to_thread(_find, name, samples)
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            copy = await asyncio.to_thread(_copy_of, original, home)
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
