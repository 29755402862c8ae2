"""Answers the requests that put a scene into Blender."""

import functools
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from agent.files.names import read_path
from agent.files.transfers import Transfers
from agent.messages import Refused, Request, Response
from agent.scene_source import SceneSource
from scene.names import BLEND, ZIP

PATHS: Final = ("/scene/NAME",)
_PREFIX: Final = "/scene/"

Handler = Callable[[Request, Transfers], Awaitable[Response]]


class HasScene(Protocol):
    """The desktop."""

    @property
    def scene(self) -> SceneSource:
        """What brings in the person's own scene."""


def methods_of(path: str, desktop: HasScene) -> dict[str, Handler] | None:
    """Return the handlers of a path by their methods, or None if the path is not about scenes."""
    return {"PUT": functools.partial(_put, desktop.scene)} if path.startswith(_PREFIX) else None


async def _put(scene: SceneSource, request: Request, transfers: Transfers) -> Response:
    transfers.check_upload()
    parts = read_path(request.raw_path.removeprefix(_PREFIX))
    if len(parts) != 1 or not parts[0].lower().endswith((BLEND, ZIP)):
        raise Refused(400, "Name a scene, or an archive with one at its top: /scene/NAME.blend or /scene/NAME.zip.")
    async with scene.uploading(), transfers.receiving(request) as file:
        return Response(200, {"file": await scene.put(file.path, parts[0])})
