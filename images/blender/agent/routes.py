"""What the agent answers over HTTP: a pure function of the request and the last snapshot."""

from dataclasses import dataclass, field
from typing import Final

from agent.authorisation import is_authorised
from agent.readiness import Readiness

STUCK_SECONDS: Final = 60.0
"""Blender's main loop counts as stuck after this long without a tick; a long operation of a person is shorter."""


@dataclass(frozen=True)
class Snapshot:
    """What the main loop knew at its last tick. The HTTP threads read nothing else."""

    ticked_at: float
    """Seconds on the same clock as the `now` of a request."""
    readiness: Readiness
    scene: str
    """File name of the open scene; empty if it was never saved."""
    dirty: bool
    """Whether there are changes that are not saved."""
    draws: int
    """Draws of the 3D view since the start."""
    camera: str | None
    """Name of the camera that the 3D view looks through; None if the person turned the view away from it."""


@dataclass(frozen=True)
class Response:
    """Status, JSON body and extra headers."""

    status: int
    body: dict[str, object]
    headers: dict[str, str] = field(default_factory=dict)


def respond(path: str, authorization: str | None, *, snapshot: Snapshot, now: float, token: str) -> Response:
    """Answer a GET request for `path`, with the Authorization header if it had one."""
    match path.partition("?")[0]:
        case "/healthz":
            return _health(snapshot, now)
        case "/readyz":
            return _readiness(snapshot)
        case "/status":
            if not is_authorised(authorization, token):
                return Response(401, {"message": "Send the agent's token as a bearer."}, {"WWW-Authenticate": "Bearer"})
            return _status(snapshot)
        case _:
            return Response(404, {"message": "There are /healthz, /readyz and /status."})


def _health(snapshot: Snapshot, now: float) -> Response:
    age = now - snapshot.ticked_at
    if age < STUCK_SECONDS:
        return Response(200, {"message": "Blender's main loop turns."})
    return Response(503, {"message": f"Blender's main loop has not turned for {age:.0f} seconds."})


def _readiness(snapshot: Snapshot) -> Response:
    readiness = snapshot.readiness
    return Response(200 if readiness.ready else 503, _describe(readiness))


def _status(snapshot: Snapshot) -> Response:
    return Response(
        200,
        {
            **_describe(snapshot.readiness),
            "scene": snapshot.scene,
            "dirty": snapshot.dirty,
            "draws": snapshot.draws,
            "camera": snapshot.camera,
        },
    )


def _describe(readiness: Readiness) -> dict[str, object]:
    return {"ready": readiness.ready, "reason": readiness.reason, "message": readiness.message}
