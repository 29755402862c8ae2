"""The client page: the files in ``client_dir``, with guacamole-common-js from its ``node_modules``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from standin.settings import Settings

SCRIPT, STYLE, PAGE = "text/javascript;charset=utf-8", "text/css;charset=utf-8", "text/html;charset=utf-8"
# By URL path: the file below `client_dir`, and its content type.
FILES = {
    "/": ("index.html", PAGE),
    "/app.js": ("app.js", SCRIPT),
    "/api.js": ("api.js", SCRIPT),
    "/desktop.js": ("desktop.js", SCRIPT),
    "/style.css": ("style.css", STYLE),
    "/guacamole-common.js": ("node_modules/guacamole-common-js/dist/esm/guacamole-common.min.js", SCRIPT),
}
HEADERS = {
    # guacamole-common-js loads images and sound from blob and data URLs.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def pages(settings: Settings) -> list[Route]:
    """Return the routes of the page's files."""
    return [_page(settings, path, name, kind) for path, (name, kind) in FILES.items()]


def _page(settings: Settings, path: str, name: str, kind: str) -> Route:
    async def serve(_: Request) -> Response:
        file = settings.client_dir / name
        if not file.is_file():
            message = f"The stand-in's page lacks {name}. Run `npm ci` in local/guacamole/client, then reload the page."
            return Response(message, 503, headers={"Content-Type": "text/plain;charset=utf-8"})
        return FileResponse(file, headers={**HEADERS, "Content-Type": kind})

    return Route(path, serve, methods=["GET"])
