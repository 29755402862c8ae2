"""Runs the agent in Blender's main loop."""

import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import bpy

from agent import blender_state
from agent.idle import InputClock
from agent.mainthread import MainThread
from agent.messages import Request, Response
from agent.notices import Notices, NotShown
from agent.readiness import STARTING, ReadinessTracker
from agent.rendering import RenderTracker
from agent.routes import Snapshot, respond
from agent.saving import save
from agent.scene_handlers import SceneHandlers
from agent.server import serve
from agent.termination import TerminationHandler
from workspace.state_file import read_state, write_state

PORT: Final = 8788
TOKEN_FILE: Final = Path("/run/secrets/desktop/agent-token")
SAVE_TIMEOUT_SECONDS: Final = 50.0
"""Shorter than a minute, so that a client that waits a minute gets an answer."""
START_NOTICE_SECONDS: Final = 3600.0
"""How long the notice about the start stays. Nobody may look at the desktop for a while after its start."""
_TICK_SECONDS: Final = 0.1


class Agent:
    """Observes Blender once per tick, answers requests from the last observation, and carries out saves and notices.

    Args:
        token: the token that requests must carry.
        home: the home folder.
        unreadable: path of the file that reports a scene that Blender cannot read.
        notice: text about the start to show once the scene is on screen; empty for none.
    """

    def __init__(self, token: str, home: Path, unreadable: Path, notice: str) -> None:
        self._token = token
        self._home = home
        self._notice = notice
        self._input = InputClock()
        self._notices = Notices()
        self._saves = MainThread(self._save)
        self._renders = RenderTracker()
        blender_state.register_render_handlers(self._renders)
        self._scene_handlers = SceneHandlers(home, unreadable)
        self._termination = TerminationHandler(home)
        self._counter = blender_state.DrawCounter()
        self._tracker = ReadinessTracker()
        self._snapshot = Snapshot(time.monotonic(), STARTING, "", dirty=False, draws=0, camera=None)

    def tick(self) -> float:
        """Observe Blender and do the queued work. Return the seconds until the next call by Blender's main loop."""
        self._scene_handlers.mark_started()
        self._termination.quit_if_requested()
        self._saves.drain()
        self._renders.observe(blender_state.is_long_job_running())
        self._observe()
        return _TICK_SECONDS

    def _save(self) -> str:
        file = save(self._home)
        # The status must show the save before its caller gets the answer.
        self._observe()
        return file

    def _observe(self) -> None:
        now = time.monotonic()
        draws = self._counter.draws
        was_ready = self._snapshot.readiness.ready
        # One assignment replaces the whole snapshot, so the HTTP threads need no lock.
        self._snapshot = Snapshot(
            ticked_at=now,
            readiness=self._tracker.tick(now, draws),
            file=blender_state.open_file(),
            dirty=blender_state.is_dirty(),
            draws=draws,
            camera=blender_state.view_camera(),
        )
        if self._snapshot.readiness.ready and not was_ready:
            self._on_screen()

    def _on_screen(self) -> None:
        write_state(self._home, replace(read_state(self._home), failed_starts=0))
        if self._notice:
            # A thread of its own, so that the main thread does not wait for the banner.
            threading.Thread(target=self._show_start_notice, name="agent-start-notice", daemon=True).start()

    def _show_start_notice(self) -> None:
        print(self._notice, file=sys.stderr)  # noqa: T201
        try:
            self.show(self._notice, START_NOTICE_SECONDS)
        except NotShown as error:
            print(error, file=sys.stderr)  # noqa: T201

    def answer(self, request: Request) -> Response:
        """Answer an HTTP request. The server's threads call this method and those below."""
        return respond(request, self, snapshot=self._snapshot, now=time.monotonic(), token=self._token)

    def idle_seconds(self) -> float:
        """Return the seconds since the last input."""
        return self._input.seconds()

    def is_rendering(self) -> bool:
        """Return whether a render is running."""
        return self._renders.is_running

    def was_rendering_recently(self) -> bool:
        """Return whether a render is running or ended a moment ago."""
        return self._renders.is_recent

    def save(self) -> str:
        """Save the open scene and return the absolute path of its file.

        Raises:
            SaveFailed: Blender could not write the file.
            Busy: Blender did not save within `SAVE_TIMEOUT_SECONDS`.
        """
        return self._saves.ask(SAVE_TIMEOUT_SECONDS)

    def show(self, message: str, seconds: float) -> None:
        """Show a notice on the desktop, or remove the current one if the message is empty.

        Raises:
            NotShown: the notice did not appear on the screen.
        """
        self._notices.show(message, seconds)


def start() -> None:
    """Start the agent in the running Blender."""
    home = Path.home()
    blender_state.apply_preferences(home)
    agent = Agent(
        TOKEN_FILE.read_text().strip(),
        home,
        Path(os.environ["BLENDER_SESSION_UNREADABLE"]),
        os.environ["BLENDER_SESSION_NOTICE"],
    )
    serve(agent.answer, PORT)
    # A persistent timer goes on when another file is opened.
    bpy.app.timers.register(agent.tick, first_interval=_TICK_SECONDS, persistent=True)
