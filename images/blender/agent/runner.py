"""Ties the agent to Blender's main loop."""

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
"""A client that waits for a minute gets an answer rather than none."""
START_NOTICE_SECONDS: Final = 3600.0
"""For what has to be said about the start: whoever opens the desktop later has to see it."""
_TICK_SECONDS: Final = 0.1


class Agent:
    """Observes Blender once per tick, answers from the last observation, and does what it is asked for."""

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
        """Observe and act; called by Blender's main loop. Returns seconds until the next call."""
        self._scene_handlers.mark_started()
        self._termination.quit_if_requested()
        self._saves.drain()
        self._renders.observe(blender_state.is_long_job_running())
        self._observe()
        return _TICK_SECONDS

    def _save(self) -> str:
        file = save(self._home)
        # Whoever hears that the scene is saved finds it so in the status.
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
            # Not on the main thread, which would wait for the banner's program.
            threading.Thread(target=self._say_about_start, name="agent-start-notice", daemon=True).start()

    def _say_about_start(self) -> None:
        print(self._notice, file=sys.stderr)  # noqa: T201
        try:
            self.show(self._notice, START_NOTICE_SECONDS)
        except NotShown as error:
            print(error, file=sys.stderr)  # noqa: T201

    def answer(self, request: Request) -> Response:
        """Answer an HTTP request; called in the server's threads, as is all that follows."""
        return respond(request, self, snapshot=self._snapshot, now=time.monotonic(), token=self._token)

    def idle_seconds(self) -> float:
        """Return the seconds since the last input."""
        return self._input.seconds()

    def is_rendering(self) -> bool:
        """Tell whether a render runs."""
        return self._renders.is_running

    def was_rendering_recently(self) -> bool:
        """Tell whether a render runs or ended a moment ago."""
        return self._renders.is_recent

    def save(self) -> str:
        """Save the open scene and return its file. Raises SaveFailed and Busy."""
        return self._saves.ask(SAVE_TIMEOUT_SECONDS)

    def show(self, message: str, seconds: float) -> None:
        """Show words on the desktop, or take them down. Raises NotShown."""
        self._notices.show(message, seconds)


def start() -> None:
    """Start the agent in this Blender."""
    home = Path.home()
    blender_state.apply_preferences(home)
    agent = Agent(
        TOKEN_FILE.read_text().strip(),
        home,
        Path(os.environ["BLENDER_SESSION_UNREADABLE"]),
        os.environ["BLENDER_SESSION_NOTICE"],
    )
    serve(agent.answer, PORT)
    # A persistent timer survives the opening of another file.
    bpy.app.timers.register(agent.tick, first_interval=_TICK_SECONDS, persistent=True)
