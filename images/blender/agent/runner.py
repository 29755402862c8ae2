"""Ties the agent to Blender's main loop."""

import time
from pathlib import Path
from typing import Final

import bpy

from agent import desktop
from agent.readiness import STARTING, ReadinessTracker
from agent.recovery import Recovery
from agent.routes import Response, Snapshot, respond
from agent.server import serve

PORT: Final = 8788
TOKEN_FILE: Final = Path("/run/secrets/desktop/agent-token")
RECOVERED: Final = Path("/home/blender/recovered.blend")
_TICK_SECONDS: Final = 0.1


class Agent:
    """Observes Blender once per tick and answers from the last observation."""

    def __init__(self, token: str, recovered: Path) -> None:
        self._token = token
        self._counter = desktop.DrawCounter()
        self._tracker = ReadinessTracker()
        self._recovery = Recovery(recovered)
        self._snapshot = Snapshot(time.monotonic(), STARTING, desktop.open_scene(), dirty=False, draws=0, camera=None)

    def tick(self) -> float:
        """Observe; called by Blender's main loop. Returns seconds until the next call."""
        self._recovery.act_if_asked()
        now = time.monotonic()
        draws = self._counter.draws
        # One assignment replaces the whole snapshot, so the HTTP threads need no lock.
        self._snapshot = Snapshot(
            ticked_at=now,
            readiness=self._tracker.tick(now, draws),
            scene=desktop.open_scene(),
            dirty=desktop.is_dirty(),
            draws=draws,
            camera=desktop.view_camera(),
        )
        return _TICK_SECONDS

    def answer(self, path: str, authorization: str | None) -> Response:
        """Answer an HTTP request; called in the server's threads."""
        return respond(path, authorization, snapshot=self._snapshot, now=time.monotonic(), token=self._token)


def start() -> None:
    """Start the agent in this Blender."""
    desktop.apply_preferences()
    agent = Agent(TOKEN_FILE.read_text().strip(), RECOVERED)
    serve(agent.answer, PORT)
    # A persistent timer survives the opening of another file.
    bpy.app.timers.register(agent.tick, first_interval=_TICK_SECONDS, persistent=True)
