"""Proof that a form was sent by one of our own pages, to this browser, today."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from itsdangerous import BadSignature

from blendersessions.model.errors import DomainError, System

if TYPE_CHECKING:
    from starlette.requests import Request

    from blendersessions_portal.identity import Visitor
    from blendersessions_portal.signing import Signer

FIELD = "csrf"
_MAX_AGE = 24 * 3600
_OWN_PAGE = {"same-origin", "none"}


class ForgedError(DomainError):
    """A form came without proof that one of our own pages sent it."""


class CsrfGuard:
    """Gives forms a token and checks it.

    The token is the browser's signed name. Another site can neither sign one nor read ours, and one got by another
    browser does not fit (OWASP CSRF cheat sheet, "Signed Double-Submit Cookie").
    """

    def __init__(self, signer: Signer) -> None:
        self._serializer = signer.timed_serializer("csrf")

    def token(self, visitor: Visitor) -> str:
        """Give the value of the hidden field."""
        return self._serializer.dumps(visitor.browser)

    def check(self, request: Request, visitor: Visitor, token: str) -> None:
        """Let the request pass if it is this browser's own.

        Raises:
            ForgedError: it may come from another site, or the page was left open for more than a day.
        """
        if request.headers.get("sec-fetch-site", "none") not in _OWN_PAGE:
            raise ForgedError("This form was sent from another site.", System.OWN)
        try:
            browser = self._serializer.loads(token, max_age=_MAX_AGE)
        except BadSignature:
            browser = ""
        if not visitor.known or not isinstance(browser, str) or not hmac.compare_digest(browser, visitor.browser):
            raise ForgedError("This form is too old, or your browser did not send our cookie along.", System.OWN)
