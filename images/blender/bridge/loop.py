"""Runs the bridge in Blender's main loop."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import bpy

from bridge import blender_state, jobs
from bridge.channel import Channel, Message
from bridge.commands import Commands
from bridge.denoising import DenoisingGuard
from bridge.extensions import ClassExtensions
from bridge.images import has_changed_images
from bridge.links import missing_links
from bridge.opening import check_idle, open_scene
from bridge.outputs import keep_outputs
from bridge.preferences import apply_preferences, forget_own_changes, has_saved_preferences
from bridge.readiness import ReadinessTracker
from bridge.rendering import RenderTracker
from bridge.renders import RenderKeeper
from bridge.save_guard import SaveGuard
from bridge.saving import save
from bridge.scene_handlers import SceneHandlers
from bridge.termination import TerminationHandler
from class_files.defaults import newer_files
from scene.versions import BlenderVersion
from workspace.state_file import read_state, write_state

NOTICE_SECONDS: Final = 3600.0
"""How long a notice stays. Nobody may look at the desktop for a while."""
_TICK_SECONDS: Final = 0.1
_HEARTBEAT_SECONDS: Final = 1.0
"""The agent hears from a Blender that is not busy at least this often."""
_SHOWN_PROBLEMS: Final = 5
"""Sentences about the class's files in the notice. A longer one would cover the scene."""
_SEARCH_SECONDS: Final = 2.0
"""Time between two searches of the scene for paths and bakes."""


class Bridge:
    """Observes Blender once a tick, tells the agent what has changed, and carries out its commands.

    Args:
        home: the home folder.
        channel: the connection to the agent.
        unreadable: path of the file that reports a scene that Blender cannot read.
        notice: text about the start to show once the scene is on screen; empty for none.
        extensions: those of the session's class.
    """

    def __init__(
        self, home: Path, channel: Channel, unreadable: Path, notice: str, extensions: ClassExtensions
    ) -> None:
        self._home = home
        self._channel = channel
        self._start_notice = notice
        self._extensions = extensions
        self._commands = Commands(channel, self._save, self._open, missing_links)
        self._renders = RenderTracker()
        jobs.register_render_handlers(self._renders)
        self._render_keeper = RenderKeeper(home, self._notify)
        self._denoising = DenoisingGuard(self._notify)
        self._save_guard = SaveGuard(self._notify)
        self._scene_handlers = SceneHandlers(home, unreadable)
        self._termination = TerminationHandler(lambda: self._save(during_bake=True))
        self._counter = blender_state.DrawCounter()
        self._readiness = ReadinessTracker()
        self._ready = False
        self._baking = False
        self._images_changed = False
        self._searched_at = 0.0
        self._reported: Message = {}
        self._reported_at = 0.0
        self._last_error = ""

    def tick(self) -> float:
        """Observe Blender and do what was asked for. Return the seconds until the next call by Blender's main loop."""
        for part in (
            self._scene_handlers.mark_started,
            self._keep_renders,
            self._denoising.check,
            self._search,
            self._save_guard.mark_unsaved,
            self._observe,
            self._exchange,
            self._termination.quit_if_requested,
        ):
            self._run(part)
        return _TICK_SECONDS

    def _run(self, part: Callable[[], None]) -> None:
        """Run a part of the tick. An error in one must not end the timer, and with it the others."""
        try:
            part()
        except Exception:
            text = traceback.format_exc()
            # Ten lines a second would bury Blender's own log.
            if text != self._last_error:
                print(text, file=sys.stderr)  # noqa: T201
            self._last_error = text

    def _keep_renders(self) -> None:
        is_rendering = jobs.is_rendering()
        self._renders.observe(is_rendering)
        if not is_rendering:
            self._render_keeper.keep()

    def _search(self) -> None:
        now = time.monotonic()
        if now - self._searched_at < _SEARCH_SECONDS:
            return
        self._searched_at = now
        self._baking = jobs.is_baking()
        self._images_changed = has_changed_images()
        keep_outputs(self._home)
        self._extensions.note_choices()

    def _observe(self) -> None:
        now = time.monotonic()
        readiness = self._readiness.tick(now, self._counter.draws)
        if readiness.ready and not self._ready:
            self._on_screen()
        self._ready = readiness.ready
        state: Message = {
            "type": "state",
            "pid": os.getpid(),
            "ready": readiness.ready,
            "reason": readiness.reason,
            "message": readiness.message,
            "file": blender_state.open_file(),
            "dirty": blender_state.is_dirty() or self._images_changed,
            "draws": self._counter.draws,
            "camera": blender_state.view_camera(),
            "rendering": self._renders.is_recent,
            "baking": self._baking,
            "playing": jobs.is_playing(),
            "version": blender_state.version(),
            "file_version": list(bpy.app.version_file),
        }
        if state != self._reported or now - self._reported_at >= _HEARTBEAT_SECONDS:
            self._reported, self._reported_at = state, now
            self._channel.report(state)

    def _exchange(self) -> None:
        self._commands.carry_out(self._channel.exchange())

    def _on_screen(self) -> None:
        state = read_state(self._home)
        if state.found:
            write_state(self._home, replace(state, failed_starts=0))
        if self._start_notice:
            # Once: a scene that is opened later comes on screen too.
            self._notify(self._start_notice)
            self._start_notice = ""

    def _save(self, *, during_bake: bool = False) -> str:
        self._render_keeper.keep()
        file = save(self._home, self._save_guard, during_bake=during_bake)
        self._images_changed = has_changed_images()
        # The agent must hear of the save before its caller gets the answer.
        self._observe()
        return file

    def _open(self, file: str) -> None:
        check_idle()
        if blender_state.is_dirty() or has_changed_images():
            self._save()
        open_scene(file)
        self._readiness.restart(time.monotonic(), self._counter.draws)
        self._searched_at = 0.0
        # The agent must hear that the scene is not drawn yet before its caller gets the answer.
        self._observe()

    def _notify(self, message: str) -> None:
        self._channel.send({"type": "notice", "message": message, "seconds": NOTICE_SECONDS})


def start() -> None:
    """Start the bridge in the running Blender."""
    # Blender's Python leaves SIGPIPE at its default, so writing to any closed pipe or socket would end Blender.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    home = Path(os.environ["BLENDER_SESSION_HOME"])
    newer = _newer_files()
    apply_preferences(home, os.environ, first=not has_saved_preferences())
    extensions = ClassExtensions(os.environ)
    problems = [*extensions.enable(), *newer]
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    if len(problems) > _SHOWN_PROBLEMS:
        left = len(problems) - _SHOWN_PROBLEMS
        problems[_SHOWN_PROBLEMS:] = [f"The container's log has {left} more about the files of the session class."]
    forget_own_changes()
    bridge = Bridge(
        home,
        Channel(Path(os.environ["BLENDER_SESSION_SOCKET"])),
        Path(os.environ["BLENDER_SESSION_UNREADABLE"]),
        " ".join([os.environ["BLENDER_SESSION_NOTICE"], *problems]).strip(),
        extensions,
    )
    # A persistent timer goes on when another file is opened.
    bpy.app.timers.register(bridge.tick, first_interval=_TICK_SECONDS, persistent=True)


def _newer_files() -> tuple[str, ...]:
    config = os.environ.get("BLENDER_USER_CONFIG", "")
    if not config or bpy.app.factory_startup:
        # None of them is used.
        return ()
    return newer_files(Path(config), BlenderVersion(blender_state.version(), bpy.app.version_file), os.environ)
