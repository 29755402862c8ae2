"""Gives the person a copy of a sample that can be saved."""

import shutil
import tempfile
from pathlib import Path

from workspace.names import free_name


def copy_sample(original: Path, home: Path) -> Path:
    """Copy a sample to the home folder under a name that is free there, and return the copy's path.

    Whole or not at all: half a scene would be taken for the person's own at the next start.

    Raises:
        OSError: there is no room, or no right to write.
    """
    copy = free_name(home, original.name)
    with tempfile.NamedTemporaryFile(prefix=f".{copy.name}.", dir=home, delete=False) as temporary:
        partial = Path(temporary.name)
    try:
        shutil.copyfile(original, partial)
        partial.chmod(0o644)
        partial.rename(copy)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return copy
