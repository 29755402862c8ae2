"""Starts everything in the container, and reports why a start failed."""

import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

from entry.display import start_server, start_window_manager, write_password_file
from entry.errors import EXIT_CODE, StartError
from entry.processes import end_all, run_blender
from entry.scene_choice import SceneChoice, choose_replacement, choose_scene, state_during_start
from entry.settings import Settings
from workspace.state_file import read_state, write_state

SHARE = Path("/usr/share/blender-sessions")
AGENT = Path("/usr/lib/blender-sessions/start_agent.py")
SECRETS = Path("/run/secrets/desktop")
TERMINATION_LOG = Path("/dev/termination-log")


def main() -> int:
    """Run the container and return its exit code."""
    try:
        return _run()
    except StartError as error:
        print(f"{error.reason}: {error}", file=sys.stderr)  # noqa: T201
        error.write(TERMINATION_LOG)
        return EXIT_CODE


def _run() -> int:
    settings = Settings.from_environment(os.environ)
    home = Path.home()
    choice = choose_scene(settings.scene, SHARE / "scenes", home, read_state(home))
    temporary = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - an emptyDir of this pod
    password_file = temporary / "vnc-password"
    write_password_file(SECRETS / "vnc-password", password_file)
    _copy_shader_cache(temporary)
    runtime = temporary / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    server, display = start_server(settings.screen, password_file)
    window_manager = start_window_manager(display, SHARE / "openbox.xml")
    try:
        code = _open(choice, home, display, settings, temporary / "unreadable")
    finally:
        end_all([window_manager, server])
    if code != 0:
        raise StartError(
            "BlenderFailed", f"Blender ended unexpectedly: {_describe(code)}. The container's log has the details."
        )
    # Blender ended in order, even if it never showed the scene. The next start is not a recovery.
    write_state(home, replace(read_state(home), running=False, failed_starts=0))
    return 0


def _open(choice: SceneChoice, home: Path, display: str, settings: Settings, unreadable: Path) -> int:
    """Run Blender with the chosen scene, or with a replacement if Blender cannot read it, and return its exit code."""
    write_state(home, state_during_start(choice, home, read_state(home)))
    unreadable.unlink(missing_ok=True)
    code = run_blender(display, settings, AGENT, choice, unreadable)
    if not unreadable.exists() or choice.scene is None:
        return code
    unreadable.unlink()
    replacement = choose_replacement(choice.scene, settings.scene, SHARE / "scenes", home)
    write_state(home, state_during_start(replacement, home, read_state(home)))
    return run_blender(display, settings, AGENT, replacement, unreadable)


def _copy_shader_cache(temporary: Path) -> None:
    """Copy the shaders that were compiled with the image to a folder that Mesa can write to."""
    cache = temporary / "cache"
    os.environ["XDG_CACHE_HOME"] = str(cache)
    shutil.copytree(SHARE / "shader-cache", cache, dirs_exist_ok=True)


def _describe(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


if __name__ == "__main__":
    sys.exit(main())
