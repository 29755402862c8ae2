"""Answers the agent's HTTP requests from the last snapshot and the actions of the desktop."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Protocol

from agent.authorisation import is_authorised
from agent.mainthread import Busy
from agent.messages import BadRequest, Request, Response, read_nothing, read_notice
from agent.notices import NotShown
from agent.readiness import Readiness
from agent.save_failure import SaveFailed

STUCK_SECONDS: Final = 60.0
"""Blender's main loop counts as stuck after this long without a tick. What people do in the editor takes less."""
_METHODS: Final = {"/healthz": "GET", "/readyz": "GET", "/status": "GET", "/save": "POST", "/notice": "POST"}
_WITHOUT_TOKEN: Final = ("/healthz", "/readyz")
"""The kubelet has no token. These answers reveal nothing about the scene."""


@dataclass(frozen=True)
class Snapshot:
    """Blender's state at the last tick. HTTP threads read Blender's state from here only."""

    ticked_at: float
    """Seconds on the clock that `respond` gets as `now`."""
    readiness: Readiness
    file: str
    """Absolute path of the open scene; empty if it was never saved."""
    dirty: bool
    """Whether the scene has changes that are not saved."""
    draws: int
    """Draws of the 3D view since the start."""
    camera: str | None
    """Name of the camera that the 3D view looks through; None if it looks through none."""


class Desktop(Protocol):
    """What the agent can do at any time, in any thread."""

    def idle_seconds(self) -> float:
        """Return the seconds since the last input."""

    def is_rendering(self) -> bool:
        """Return whether a render is running."""

    def was_rendering_recently(self) -> bool:
        """Return whether a render is running or ended a moment ago."""

    def save(self) -> str:
        """Save the open scene and return the absolute path of its file.

        Raises:
            SaveFailed: Blender could not write the file.
            Busy: Blender did not save in time.
        """

    def show(self, message: str, seconds: float) -> None:
        """Show a notice, or remove the current one if the message is empty.

        Raises:
            NotShown: the notice did not appear on the screen.
        """


def respond(request: Request, desktop: Desktop, *, snapshot: Snapshot, now: float, token: str) -> Response:
    """Return the answer to a request.

    Args:
        request: the request.
        desktop: carries out saves and notices.
        snapshot: Blender's state at the last tick.
        now: seconds on the clock of the snapshot.
        token: the agent's token.
    """
    path = request.path.partition("?")[0]
    method = _METHODS.get(path)
    if method is None:
        return Response(404, {"message": f"The paths are {', '.join(_METHODS)}."})
    if path not in _WITHOUT_TOKEN and not is_authorised(request.authorization, token):
        return Response(401, {"message": "Send the agent's token as a bearer token."}, {"WWW-Authenticate": "Bearer"})
    if request.method != method:
        return Response(405, {"message": f"{path} accepts only {method}."}, {"Allow": method})
    match path:
        case "/healthz":
            return _health(snapshot, now, is_rendering=desktop.is_rendering())
        case "/readyz":
            return Response(200 if snapshot.readiness.ready else 503, _describe(snapshot.readiness))
        case "/status":
            return _status(snapshot, desktop)
        case "/save":
            return _save(request.body, desktop)
        case _:
            return _notice(request.body, desktop)


def _health(snapshot: Snapshot, now: float, *, is_rendering: bool) -> Response:
    age = now - snapshot.ticked_at
    if age < STUCK_SECONDS:
        return Response(200, {"message": "Blender's main loop runs."})
    if is_rendering:
        return Response(200, {"message": "A render blocks Blender's main loop."})
    return Response(503, {"message": f"Blender's main loop has not run for {age:.0f} seconds."})


def _status(snapshot: Snapshot, desktop: Desktop) -> Response:
    return Response(
        200,
        {
            **_describe(snapshot.readiness),
            "file": snapshot.file,
            "scene": PurePath(snapshot.file).name,
            "dirty": snapshot.dirty,
            "draws": snapshot.draws,
            "camera": snapshot.camera,
            "idle_seconds": desktop.idle_seconds(),
            "rendering": desktop.was_rendering_recently(),
        },
    )


def _save(body: bytes, desktop: Desktop) -> Response:
    try:
        read_nothing(body)
        return Response(200, {"file": desktop.save()})
    except BadRequest as error:
        return Response(400, {"message": str(error)})
    except SaveFailed as error:
        return Response(error.status, {"message": error.message})
    except Busy as error:
        message = (
            "The scene is still being saved. Try again."
            if error.begun
            else "Blender is busy with something else and has not saved the scene. Try again."
        )
        return Response(503, {"message": message})


def _notice(body: bytes, desktop: Desktop) -> Response:
    try:
        notice = read_notice(body)
        desktop.show(notice.message, notice.seconds)
    except BadRequest as error:
        return Response(400, {"message": str(error)})
    except NotShown as error:
        return Response(500, {"message": str(error)})
    return Response(200, {})


def _describe(readiness: Readiness) -> dict[str, object]:
    return {"ready": readiness.ready, "reason": readiness.reason, "message": readiness.message}
