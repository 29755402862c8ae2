"""Checks that an official build of Blender can start in an image: `python3 libraries.py PROGRAM`.

An official build takes the libraries of the X server and of OpenGL from the system. It is asked which it finds.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

_MISSING: Final = re.compile(r"^\s*(\S+) => not found$", re.MULTILINE)
_DOCKERFILE: Final = "images/blender/Dockerfile"


def check(program: Path) -> None:
    """Check that the dynamic linker finds every library of a program.

    Raises:
        SystemExit: it does not, or the program is none of this processor. The message says what to do.
    """
    try:
        asked = subprocess.run(
            [program.resolve()],
            env={**os.environ, "LD_TRACE_LOADED_OBJECTS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        sys.exit(f"This Blender cannot run here: {error}. Take the archive for Linux and this processor.")
    if missing := sorted(set(_MISSING.findall(asked.stdout))):
        sys.exit(
            f"This Blender needs {', '.join(missing)}, which neither its archive nor the image has. Add the Debian "
            f"packages with these files to the list below BLENDER_URL in {_DOCKERFILE}, and build again."
        )
    if asked.stderr or asked.returncode:
        sys.exit(f"This Blender cannot run on this Debian: {asked.stderr.strip() or asked.returncode}")


if __name__ == "__main__":
    check(Path(sys.argv[1]))
