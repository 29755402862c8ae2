"""Copies a sample to the home folder, where the person can save it."""

import shutil
import tempfile
from pathlib import Path

from workspace.names import free_name


def copy_sample(original: Path, home: Path) -> Path:
    """Copy a sample to the home folder under a free name and return the copy's path.

    The copy is complete or does not exist, because the next start would open an incomplete one.

    Raises:
        OSError: the volume is full or cannot be written.
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
