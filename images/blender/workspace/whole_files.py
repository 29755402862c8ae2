"""Keeps the former version of a scene until the new one is known to be whole.

Blender does not notice when a volume is full at the very end of a save, and puts a cut-off file in the former one's
place. If it is ended between two of its last steps, there is no file at all. A hard link keeps the former one
meanwhile, which takes no room.
"""

import contextlib
import os
from itertools import islice
from pathlib import Path
from typing import Final

from workspace.files import is_regular_file

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SEEK_TABLE_END: Final = b"\xb1\xea\x92\x8f"
"""The last bytes of a compressed scene: the footer of zstd's seekable format."""
MAX_ENTRIES: Final = 20_000
"""Entries of a folder that are looked at, so that a huge folder does not hold up the start."""
_SUFFIX: Final = ".blender-session-former"
_OLD_HEADER: Final = b"BLENDER-"
"""How an uncompressed scene begins up to Blender 4.5. Since 5.0 the size of the header follows `BLENDER`."""
_LAST_BLOCK: Final = b"ENDB"
_OLD_BLOCK_BYTES: Final = 24
_BLOCK_BYTES: Final = 32
"""Size of the block that ends an uncompressed scene: `SmallBHead8`, since 5.0 `LargeBHead8`, of BLO_core_bhead.hh."""


def is_whole(scene: Path) -> bool:
    """Return whether a scene that Blender wrote is on the volume up to its last byte."""
    if not is_regular_file(scene):
        # Opening a pipe that nobody writes to would wait for ever.
        return False
    try:
        with scene.open("rb") as stream:
            os.fsync(stream.fileno())
            begin = stream.read(len(_OLD_HEADER))
            stream.seek(-(_OLD_BLOCK_BYTES if begin == _OLD_HEADER else _BLOCK_BYTES), os.SEEK_END)
            end = stream.read()
    except OSError:
        return False
    return end.endswith(_SEEK_TABLE_END) if begin.startswith(_ZSTD) else end.startswith(_LAST_BLOCK)


def keep_former(scene: Path) -> None:
    """Keep the scene's file until `settle`. Where the volume cannot do that, the save goes on without."""
    if is_regular_file(scene):
        with contextlib.suppress(OSError):
            _former(scene).unlink(missing_ok=True)
            os.link(scene, _former(scene))


def settle(scene: Path) -> bool:
    """Drop the former version if the new one is whole, else bring it back. Return whether the new one is whole."""
    if is_whole(scene):
        with contextlib.suppress(OSError):
            _former(scene).unlink(missing_ok=True)
        return True
    with contextlib.suppress(OSError):
        if _former(scene).exists():
            _former(scene).replace(scene)
        else:
            scene.unlink(missing_ok=True)
    return False


def settle_interrupted(folder: Path) -> None:
    """Settle the saves in a folder that were cut off because Blender ended."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, MAX_ENTRIES) if entry.name.endswith(_SUFFIX)]
        for name in names:
            _settle_interrupted(folder / name.removeprefix(".").removesuffix(_SUFFIX))


def _settle_interrupted(scene: Path) -> None:
    # Blender writes to the partial file, moves the former one to NAME1, and gives the partial one its name.
    partial = scene.with_name(f"{scene.name}@")
    if not os.path.lexists(scene) and is_whole(partial):
        partial.replace(scene)
    settle(scene)


def _former(scene: Path) -> Path:
    return scene.with_name(f".{scene.name}{_SUFFIX}")
