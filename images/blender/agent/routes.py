"""Answers the agent's HTTP requests from what the agent knows and can do."""

from pathlib import PurePath
from typing import Final, Protocol

from agent import scene_routes
from agent.authorisation import is_authorised
from agent.blender import BlenderState
from agent.bridge_requests import Busy
from agent.files import routes as files
from agent.files.transfers import Transfers
from agent.messages import BadRequest, Refused, Request, Response, Streamed, read_nothing, read_notice, read_sample
from agent.notices import NotShown
from agent.scene_source import SceneSource
from agent.start_wait import StartWait, wait_of
from agent.thumbnails import routes as thumbnail_routes
from agent.thumbnails.routes import Thumbnails
from agent.work import Work
from workspace.save_failure import SaveFailed

_METHODS: Final = {
    "/healthz": "GET",
    "/readyz": "GET",
    "/status": "GET",
    "/save": "POST",
    "/sample": "POST",
    "/notice": "POST",
}
_WITHOUT_TOKEN: Final = ("/healthz", "/readyz")
"""The kubelet has no token. These answers reveal nothing about the scene."""


class Desktop(Protocol):
    """What the agent knows of the desktop, and can do there."""

    @property
    def state(self) -> BlenderState:
        """The last report of the bridge."""

    @property
    def work(self) -> Work:
        """What goes on in Blender."""

    @property
    def transfers(self) -> Transfers:
        """What takes and gives files."""

    @property
    def scene(self) -> SceneSource:
        """What brings in the person's own scene."""

    @property
    def thumbnails(self) -> Thumbnails:
        """What has pictures made."""

    @property
    def start(self) -> StartWait:
        """What waits for the first picture of the scene."""

    def idle_seconds(self) -> float:
        """Return the seconds since the last input."""

    async def save(self) -> str:
        """Save what the person made and return the absolute path of the scene's file.

        Raises:
            SaveFailed: Blender could not write the file.
            Busy: Blender did not save in time.
        """

    async def open_sample(self, name: str) -> str:
        """Open a sample, and return the absolute path of its copy when it is on screen.

        Raises:
            Refused: it was not opened.
        """

    async def show(self, message: str, seconds: float) -> None:
        """Show a notice, or remove the current one if the message is empty.

        Raises:
            NotShown: the notice did not appear on the screen.
        """


async def respond(request: Request, desktop: Desktop, token: str) -> Response | Streamed:
    """Return the answer to a request.

    Args:
        request: the request.
        desktop: what the agent knows and can do.
        token: the agent's token.
    """
    path = request.path.partition("?")[0]
    handlers = (
        files.methods_of(path, desktop)
        or scene_routes.methods_of(path, desktop)
        or thumbnail_routes.methods_of(path, desktop)
    )
    allowed = tuple(handlers or ()) or ((_METHODS[path],) if path in _METHODS else ())
    if not allowed:
        paths = (*_METHODS, *files.PATHS, *scene_routes.PATHS, *thumbnail_routes.PATHS)
        return Response(404, {"message": f"The paths are {', '.join(paths)}."})
    if path not in _WITHOUT_TOKEN and not is_authorised(request.authorization, token):
        return Response(401, {"message": "Send the agent's token as a bearer token."}, {"WWW-Authenticate": "Bearer"})
    if request.method not in allowed:
        message = f"{path} accepts only {', '.join(allowed)}."
        return Response(405, {"message": message}, {"Allow": ", ".join(allowed)})
    if handlers is not None:
        try:
            return await handlers[request.method](request, desktop.transfers)
        except Refused as error:
            return error.response
    return await _respond(path, request, desktop)


async def _respond(path: str, request: Request, desktop: Desktop) -> Response:
    match path:
        case "/healthz":
            return Response(200, {"message": "The agent serves."})
        case "/readyz":
            await desktop.start.until_over(wait_of(request.raw_query))
            return _readiness(desktop)
        case "/status":
            return _status(desktop)
        case "/save":
            return await _save(request.body, desktop)
        case "/sample":
            return await _sample(request.body, desktop)
        case _:
            return await _notice(request.body, desktop)


def _readiness(desktop: Desktop) -> Response:
    described = _describe(desktop)
    if desktop.scene.state.reason:
        # The sentence may name the scene, and where it comes from.
        described["message"] = "The session's own scene is not open."
    return Response(200 if described["ready"] else 503, described)


def _status(desktop: Desktop) -> Response:
    state, work = desktop.state, desktop.work
    return Response(
        200,
        {
            **_describe(desktop),
            "file": state.file,
            "scene": PurePath(state.file).name,
            "dirty": state.dirty,
            "draws": state.draws,
            "camera": state.camera,
            # Whoever sends a scene is at work, though not yet in the desktop.
            "idle_seconds": 0.0 if desktop.scene.receives else desktop.idle_seconds(),
            "work": work.kind,
            "work_seconds": work.seconds,
            "work_message": work.message,
            "stuck": work.stuck,
            "blender_version": state.version,
            "scene_reason": desktop.scene.state.reason,
            "scene_message": desktop.scene.state.message,
            "scene_needs": desktop.scene.state.needs,
        },
    )


async def _save(body: bytes, desktop: Desktop) -> Response:
    try:
        read_nothing(body)
        return Response(200, {"file": await desktop.save()})
    except BadRequest as error:
        return Response(400, {"message": str(error)})
    except SaveFailed as error:
        return Response(error.status, {"message": error.message})
    except Busy as error:
        if error.begun:
            message = "The scene is still being saved. Try again."
        else:
            reason = desktop.work.message or "Blender is busy."
            message = f"{reason} The scene was not saved. Try again."
        return Response(503, {"message": message})


async def _sample(body: bytes, desktop: Desktop) -> Response:
    try:
        return Response(200, {"file": await desktop.open_sample(read_sample(body))})
    except BadRequest as error:
        return Response(400, {"message": str(error)})
    except Refused as error:
        return error.response


async def _notice(body: bytes, desktop: Desktop) -> Response:
    try:
        notice = read_notice(body)
        await desktop.show(notice.message, notice.seconds)
    except BadRequest as error:
        return Response(400, {"message": str(error)})
    except NotShown as error:
        return Response(500, {"message": str(error)})
    return Response(200, {})


def is_ready(desktop: Desktop) -> bool:
    """Return whether the scene that was asked for is on screen."""
    return desktop.state.ready and not desktop.scene.state.reason


def _describe(desktop: Desktop) -> dict[str, object]:
    scene, state = desktop.scene.state, desktop.state
    if scene.reason:
        # Another scene than the one that was asked for may be on screen.
        return {"ready": False, "reason": scene.reason, "message": scene.message}
    return {"ready": state.ready, "reason": state.reason, "message": state.message}
