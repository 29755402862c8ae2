"""Runs one making, within bounds, and says how it ended."""

import contextlib
import os
import resource
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 60 * 1024
"""The largest picture."""
NO_PICTURE: Final = 4
"""The exit code when there is nothing to make a picture of. A sentence for people takes the picture's place."""
MEMORY_BYTES: Final = 512 * 1024 * 1024
"""Addresses, of which a picture of the largest size needs less than half."""
CPU_SECONDS: Final = 8
NICENESS: Final = 10
"""Blender comes first. Beside a render on all processors, this is still enough for a picture in seconds."""


class NoPicture(Exception):  # noqa: N818 - what is there
    """A file holds no picture that can be shown. The message is a sentence for people."""


def run(make: Callable[[], bytes]) -> int:
    """Write what a making gives to standard output, and return the exit code."""
    _bound()
    # Libraries warn about damaged files on standard error. It may be a file, which this process cannot write.
    warnings.simplefilter("ignore")
    try:
        made = make()
    except NoPicture as reason:
        sys.stdout.write(str(reason))
        return NO_PICTURE
    sys.stdout.buffer.write(made)
    return 0


def _bound() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    # It writes into a pipe, and no file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # When memory runs out, this process is the first to go. Blender has the person's work.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
