"""Lets a test act with the rights of the person in the desktop, who is not root."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PERSON = 1000
"""The user and the group of the Blender container."""


@contextmanager
def rights_of_the_person() -> Iterator[None]:
    """Give up root's rights for a while. Without them, this does nothing."""
    if os.getuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(PERSON, PERSON, 0)
    os.setresuid(PERSON, PERSON, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


@contextmanager
def persons_folder() -> Iterator[Path]:
    """Make a folder that the person owns and can reach."""
    with tempfile.TemporaryDirectory(prefix="blender-sessions-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for inner in ("home", "temporary", "samples"):
            (folder / inner).mkdir()
            if os.getuid() == 0:
                os.chown(folder / inner, PERSON, PERSON)
        yield folder
