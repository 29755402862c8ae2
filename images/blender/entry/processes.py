"""Runs Blender, and ends the processes around it in order."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from entry.scene_choice import SceneChoice
from entry.settings import Settings

_END_TIMEOUT_SECONDS = 3.0


def run_blender(display: str, settings: Settings, agent: Path, choice: SceneChoice, unreadable: Path) -> int:
    """Run Blender until it ends and return its exit code; a negative one is the signal that ended it.

    SIGTERM and SIGINT are passed on as SIGTERM, after which the agent in Blender saves the scene and quits.

    Args:
        display: name of the X display.
        settings: the container's settings.
        agent: the script that starts the agent.
        choice: the scene to open, and the notice to show.
        unreadable: the file that the agent creates if Blender could not read the scene.
    """
    command = [
        "blender",
        "--factory-startup",
        "--disable-autoexec",
        "--python-exit-code", "1",
        # VNC has no sound, and looking for a sound server takes time.
        "-setaudio", "None",
        # Both, so that the first frame has its final size: the window manager only has to leave the frame away.
        "--window-geometry", "0", "0", str(settings.screen.width), str(settings.screen.height),
        "--window-fullscreen",
        # Before the scene, so that the agent sees whether Blender can read it.
        "--python", str(agent),
        *([str(choice.scene)] if choice.scene else []),
    ]  # fmt: skip
    asked_to_end = False
    blender: subprocess.Popen[bytes] | None = None

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_to_end
        asked_to_end = True
        if blender is not None:
            blender.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    environment = {
        **os.environ,
        "DISPLAY": display,
        "BLENDER_SESSION_UNREADABLE": str(unreadable),
        "BLENDER_SESSION_NOTICE": choice.notice,
    }
    blender = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    if asked_to_end:
        blender.terminate()
    code = blender.wait()
    # SIGTERM kills Blender if the agent does not handle it yet. Nothing can be lost then, so this end is in order.
    return 0 if asked_to_end and code == -signal.SIGTERM else code


def end_all(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """End processes in the given order, by SIGTERM and after `_END_TIMEOUT_SECONDS` by SIGKILL."""
    for process in processes:
        process.terminate()
        try:
            process.wait(_END_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
