"""Starts everything in the container, keeps it running, and reports why a start failed: `python3 -I run.py entry`."""

import os
import shutil
import sys
from pathlib import Path

from entry.desktop import Desktop
from entry.display import write_password_file
from entry.errors import EXIT_CODE, StartError
from entry.sample_lookup import find_sample
from entry.settings import Settings
from workspace.files import clear_path, own_folder

SHARE = Path("/usr/share/blender-sessions")
SECRETS = Path("/run/secrets/desktop")
TERMINATION_LOG = Path("/dev/termination-log")


def main() -> int:
    """Run the container and return its exit code."""
    try:
        _run()
    except StartError as error:
        print(f"{error.reason}: {error}", file=sys.stderr)  # noqa: T201
        error.write(TERMINATION_LOG)
        return EXIT_CODE
    return 0


def _run() -> None:
    settings = Settings.from_environment(os.environ)
    if settings.scene:
        # An unknown sample ends the container before anything is started.
        find_sample(settings.scene, SHARE / "scenes")
    home = Path.home()
    temporary = Path(os.environ.get("TMPDIR", "/tmp")) / "blender-sessions"  # noqa: S108 - an emptyDir of this pod
    # The person can write there too, and a container that starts again finds what they left.
    own_folder(temporary)
    password_file = temporary / "vnc-password"
    clear_path(password_file)
    write_password_file(SECRETS / "vnc-password", password_file)
    _prepare_folders(temporary)
    desktop = Desktop(settings, home, SHARE, temporary)
    desktop.start(password_file)
    try:
        desktop.run_blender()
    finally:
        desktop.end()


def _prepare_folders(temporary: Path) -> None:
    """Make the folders that the X libraries and Mesa write to, with the shaders that were compiled with the image."""
    cache, runtime = temporary / "cache", temporary / "runtime"
    own_folder(runtime)
    clear_path(cache)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    os.environ["XDG_CACHE_HOME"] = str(cache)
    shutil.copytree(SHARE / "shader-cache", cache)


if __name__ == "__main__":
    sys.exit(main())
