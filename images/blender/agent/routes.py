"""Answers the agent's HTTP requests from what the agent knows and can do."""

from pathlib import PurePath
from typing import Final, Protocol

from agent.authorisation import is_authorised
from agent.blender import BlenderState, Busy
from agent.messages import BadRequest, Request, Response, read_nothing, read_notice
from agent.notices import NotShown
from agent.work import Work
from workspace.save_failure import SaveFailed

_METHODS: Final = {"/healthz": "GET", "/readyz": "GET", "/status": "GET", "/save": "POST", "/notice": "POST"}
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

    def idle_seconds(self) -> float:
        """Return the seconds since the last input."""

    async def save(self) -> str:
        """Save what the person made and return the absolute path of the scene's file.

        Raises:
            SaveFailed: Blender could not write the file.
            Busy: Blender did not save in time.
        """

    async def show(self, message: str, seconds: float) -> None:
        """Show a notice, or remove the current one if the message is empty.

        Raises:
            NotShown: the notice did not appear on the screen.
        """


async def respond(request: Request, desktop: Desktop, token: str) -> Response:
    """Return the answer to a request.

    Args:
        request: the request.
        desktop: what the agent knows and can do.
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
            return Response(200, {"message": "The agent serves."})
        case "/readyz":
            return Response(200 if desktop.state.ready else 503, _describe(desktop.state))
        case "/status":
            return _status(desktop)
        case "/save":
            return await _save(request.body, desktop)
        case _:
            return await _notice(request.body, desktop)


def _status(desktop: Desktop) -> Response:
    state, work = desktop.state, desktop.work
    return Response(
        200,
        {
            **_describe(state),
            "blender_version": state.version,
            "file": state.file,
            "scene": PurePath(state.file).name,
            "dirty": state.dirty,
            "draws": state.draws,
            "camera": state.camera,
            "idle_seconds": desktop.idle_seconds(),
            "work": work.kind,
            "work_seconds": work.seconds,
            "work_message": work.message,
            "stuck": work.stuck,
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


async def _notice(body: bytes, desktop: Desktop) -> Response:
    try:
        notice = read_notice(body)
        await desktop.show(notice.message, notice.seconds)
    except BadRequest as error:
        return Response(400, {"message": str(error)})
    except NotShown as error:
        return Response(500, {"message": str(error)})
    return Response(200, {})


def _describe(state: BlenderState) -> dict[str, object]:
    return {"ready": state.ready, "reason": state.reason, "message": state.message}
