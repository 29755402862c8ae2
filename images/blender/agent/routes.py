"""What the agent answers over HTTP: a function of the request, the last snapshot and what the desktop can do."""

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
"""Blender's main loop counts as stuck after this long without a tick; a long operation of a person is shorter."""
_METHODS: Final = {"/healthz": "GET", "/readyz": "GET", "/status": "GET", "/save": "POST", "/notice": "POST"}
_WITHOUT_TOKEN: Final = ("/healthz", "/readyz")
"""For the kubelet, which has no token; they say nothing about the scene."""


@dataclass(frozen=True)
class Snapshot:
    """What the main loop knew at its last tick. The HTTP threads read nothing else of Blender."""

    ticked_at: float
    """Seconds on the same clock as the `now` of a request."""
    readiness: Readiness
    file: str
    """Absolute path of the open scene; empty if it was never saved."""
    dirty: bool
    """Whether there are changes that are not saved."""
    draws: int
    """Draws of the 3D view since the start."""
    camera: str | None
    """Name of the camera that the 3D view looks through; None if the person turned the view away from it."""


class Desktop(Protocol):
    """What may be asked of the desktop at any time, from any thread."""

    def idle_seconds(self) -> float:
        """Return the seconds since the last input."""

    def is_rendering(self) -> bool:
        """Tell whether a render runs."""

    def was_rendering_recently(self) -> bool:
        """Tell whether a render runs or ended a moment ago."""

    def save(self) -> str:
        """Save the open scene and return its file. Raises SaveFailed and Busy."""

    def show(self, message: str, seconds: float) -> None:
        """Show words, or take them down. Raises NotShown."""


def respond(request: Request, desktop: Desktop, *, snapshot: Snapshot, now: float, token: str) -> Response:
    """Answer a request."""
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
