"""A word for each browser of a person, which says nothing about who the person is."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from itsdangerous import BadSignature

from blendersessions_portal.cookies import Cookie, Site

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.signing import Signer

_SECONDS: Final = 30 * 24 * 3600


class BrowserCookie:
    """Tells the browsers of one person apart, longer than a sign-on lasts."""

    COOKIE: Final = "blender-browser"

    def __init__(self, signer: Signer, site: Site) -> None:
        self._serializer = signer.timed_serializer("browser")
        self._cookie = Cookie(site, self.COOKIE, _SECONDS)

    def browser(self, request: Request) -> str:
        """Return the browser's own random word; a new one if it has none."""
        try:
            word = self._serializer.loads(self._cookie.read(request), max_age=_SECONDS)
        except BadSignature:
            word = None
        return word if isinstance(word, str) and word else secrets.token_urlsafe(16)

    def remember(self, browser: str, response: Response) -> None:
        """Keep the word for a month."""
        self._cookie.set(response, self._serializer.dumps(browser))
