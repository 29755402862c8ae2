"""How Blender is started."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from entry.home_check import Home
from entry.scene_choice import SceneChoice
from entry.screen import Screen
from limits.processors import processor_count
from workspace.files import clear_path, own_folder

RUNTIME: Final = Path("/run/blender-sessions")
"""A folder of this pod, for what its processes say to each other."""
SOCKET: Final = RUNTIME / "bridge.sock"
UNREADABLE: Final = RUNTIME / "unreadable"
"""The bridge creates it if Blender cannot read the scene."""
BRIDGE: Final = Path(__file__).parents[1] / "start_bridge.py"


FLUID: Final = Path(__file__).parents[1] / "append_inittab.so"
"""Without it, Blender ends when a person adds a fluid domain."""


@dataclass(frozen=True)
class Start:
    """One start of Blender."""

    choice: SceneChoice
    """The scene to open, and the notice to show."""
    factory_settings: bool
    """Whether Blender ignores the person's preferences, because starts with them failed."""


def blender_command(start: Start, screen: Screen) -> list[str]:
    """Return Blender's program and arguments."""
    return [
        "blender",
        *(["--factory-startup"] if start.factory_settings else []),
        "--disable-autoexec",
        "--python-exit-code", "1",
        # VNC has no sound, and looking for a sound server takes time.
        "-setaudio", "None",
        # Both, so that the first frame has its final size: the window manager only has to leave the frame away.
        "--window-geometry", "0", "0", str(screen.width), str(screen.height),
        "--window-fullscreen",
        # It takes those of the node otherwise, which the container's limit then stops again and again.
        "--threads", str(processor_count()),
        # Before the scene, so that the bridge sees whether Blender can read it.
        "--python", str(BRIDGE),
        # After `--`, a name that begins with a dash would still be an option, so it is given with its folder.
        *([str(start.choice.scene)] if start.choice.scene else []),
    ]  # fmt: skip


def blender_environment(
    base: Mapping[str, str], display: str, start: Start, files: Path, home: Home, temporary: Path
) -> dict[str, str]:
    """Return Blender's environment variables.

    Scripts and extensions of the person are not kept: no start runs code from the home folder.

    Args:
        base: the container's variables.
        display: name of the X display.
        start: the start.
        files: the home folder.
        home: what was found there.
        temporary: a folder of this pod.
    """
    scripts = own_folder(temporary / "scripts")
    presets = scripts / "presets"
    clear_path(presets)
    if home.presets is not None:
        presets.symlink_to(home.presets)
    return {
        **base,
        "HOME": str(home.home),
        "LD_PRELOAD": str(FLUID),
        "DISPLAY": display,
        # Of Mesa's software renderer, which has its own threads.
        "LP_NUM_THREADS": str(processor_count()),
        "BLENDER_SESSION_HOME": str(files),
        "BLENDER_USER_CONFIG": str(home.config),
        "BLENDER_USER_SCRIPTS": str(scripts),
        "BLENDER_USER_EXTENSIONS": str(temporary / "extensions"),
        "BLENDER_SESSION_EXTENSIONS": str(temporary / "class-extensions"),
        "BLENDER_SESSION_SOCKET": str(SOCKET),
        "BLENDER_SESSION_UNREADABLE": str(UNREADABLE),
        "BLENDER_SESSION_NOTICE": start.choice.notice,
    }
