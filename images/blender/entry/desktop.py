"""Runs the desktop: the screen, the agent, and Blender, again and again until the container is asked to end."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from class_files.defaults import put_defaults
from entry.blender import RUNTIME, SOCKET, UNREADABLE, Start, blender_command, blender_environment
from entry.display import start_server, window_manager_command
from entry.ends import describe_code, explain_end
from entry.errors import StartError
from entry.home_check import check_home, keep_auto_saves, remove_partial_saves
from entry.processes import Supervisor
from entry.scene_choice import SceneChoice, choose_replacement, choose_scene, state_during_start
from entry.settings import Settings
from limits.memory import read_memory
from workspace.files import clear_path
from workspace.state_file import WorkspaceState, read_state, write_state
from workspace.whole_files import settle_interrupted

RUN: Final = Path(__file__).parents[1] / "run.py"
FACTORY_AFTER_STARTS: Final = 2
"""After this many starts in a row that did not show the scene, Blender starts without the person's preferences."""
_FACTORY_NOTICE: Final = "Blender was started without your preferences, because it did not start with them."
_BLENDER, _AGENT, _SERVER, _WINDOW_MANAGER = "Blender", "agent", "Xvnc", "openbox"


class Desktop:
    """The processes of one container.

    Args:
        settings: what the container is asked to show.
        home: the home folder.
        share: the image's folder of samples and configuration.
        temporary: a folder of this pod.
    """

    def __init__(self, settings: Settings, home: Path, share: Path, temporary: Path) -> None:
        self._settings = settings
        self._home = home
        self._samples = share / "scenes"
        self._openbox = share / "openbox.xml"
        self._temporary = temporary
        self._display = ""
        self._processes = Supervisor()

    def start(self, password_file: Path) -> None:
        """Start the screen, the window manager and the agent.

        Raises:
            StartError: the screen did not come up.
        """
        self._processes.handle_signals(_BLENDER)
        server, self._display = start_server(self._settings.screen, password_file, self._helper_environment())
        self._processes.adopt(_SERVER, server)
        self._processes.start(*self._window_manager())
        self._processes.start(*self._agent())

    def end(self) -> None:
        """End everything but Blender, which has ended."""
        self._processes.end_all([_AGENT, _WINDOW_MANAGER, _SERVER])

    def run_blender(self) -> None:
        """Run Blender, and start it again whenever a person quits it, until the container is asked to end.

        Raises:
            StartError: Blender or the screen ended by itself.
        """
        while not self._processes.asked_to_end:
            kills = self._memory_kills()
            state = read_state(self._home)
            for folder in {self._home, (self._home / state.scene).parent}:
                settle_interrupted(folder)
            recovered = keep_auto_saves(self._home)
            choice = choose_scene(self._settings.scene, self._samples, self._home, state, recovered)
            code = self._run_once(choice, state)
            if choice.scene is not None and UNREADABLE.exists():
                replacement = choose_replacement(choice.scene, self._settings.scene, self._samples, self._home)
                code = self._run_once(replacement, read_state(self._home))
            if code != 0:
                failure = explain_end(code, kills, read_memory())
                write_state(self._home, replace(read_state(self._home), ended_because=failure.cause))
                raise StartError(failure.reason, failure.message)
            # Blender ended in order, even if it never showed the scene. The next start is not a recovery.
            # A state that a person deleted stays away, so that the next start looks for the newest scene.
            state = read_state(self._home)
            if state.found:
                write_state(self._home, replace(state, running=False, failed_starts=0, ended_because=""))

    def _run_once(self, choice: SceneChoice, state: WorkspaceState) -> int:
        """Run Blender with a scene and return its exit code; 0 if it was asked to end."""
        # Before the check, because it takes the place of whatever has the name of the state file.
        write_state(self._home, state_during_start(choice, self._home, state))
        home = check_home(self._home, self._temporary)
        factory_settings = state.failed_starts >= FACTORY_AFTER_STARTS
        problems = [*home.problems, *put_defaults(home.config, os.environ)]
        choice = choice.prefixed(" ".join([*problems, *([_FACTORY_NOTICE] if factory_settings else [])]))
        clear_path(UNREADABLE)
        remove_partial_saves(choice.scene)
        start = Start(choice, factory_settings)
        self._processes.start(
            _BLENDER,
            blender_command(start, self._settings.screen),
            blender_environment(os.environ, self._display, start, self._home, home, self._temporary),
        )
        code = self._wait_for_blender()
        # SIGTERM kills Blender if the bridge does not handle it yet. Nothing can be lost then, so this end is in order.
        return 0 if self._processes.asked_to_end and code == -signal.SIGTERM else code

    def _wait_for_blender(self) -> int:
        """Return Blender's exit code. Start the other processes again when they end.

        Raises:
            StartError: the screen ended.
        """
        while True:
            ended = self._processes.next_end()
            if ended.name == _BLENDER:
                return ended.code
            print(f"{ended.name} ended: {describe_code(ended.code)}.", file=sys.stderr)  # noqa: T201
            if ended.name == _SERVER:
                message = f"The screen ended: {describe_code(ended.code)}. It is started again."
                raise StartError("DisplayFailed", message)
            self._processes.start_again(*(self._agent() if ended.name == _AGENT else self._window_manager()))

    def _window_manager(self) -> tuple[str, Sequence[str], Mapping[str, str]]:
        return _WINDOW_MANAGER, window_manager_command(self._openbox), self._helper_environment()

    def _agent(self) -> tuple[str, Sequence[str], Mapping[str, str]]:
        return _AGENT, [sys.executable, "-I", str(RUN), "agent"], self._helper_environment()

    def _helper_environment(self) -> Mapping[str, str]:
        """Return the environment of all processes but Blender. They look for nothing in the home folder."""
        return {
            **os.environ,
            "HOME": str(RUNTIME),
            "DISPLAY": self._display,
            "BLENDER_SESSION_HOME": str(self._home),
            "BLENDER_SESSION_SOCKET": str(SOCKET),
        }

    def _memory_kills(self) -> int:
        memory = read_memory()
        return memory.kills if memory is not None else 0
