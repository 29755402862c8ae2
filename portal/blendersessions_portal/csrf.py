"""Proof that one of our own pages sent a form, to this browser, within a day."""

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
"""The hidden field of a form."""
HEADER = "X-CSRF-Token"
"""The header of a request that a script sends."""
_MAX_AGE_SECONDS = 24 * 3600
_OWN_PAGE = {"same-origin", "none"}


class ForgedError(DomainError):
    """A form came without proof that one of our own pages sent it."""


class CsrfGuard:
    """Makes the token of a form and checks it.

    The token is the browser's signed name, with the person's. Another site can neither sign a token nor read ours, and
    the token of another browser, or of the person before in this one, has other names (OWASP CSRF cheat sheet,
    "Signed Double-Submit Cookie").
    """

    def __init__(self, signer: Signer) -> None:
        self._serializer = signer.timed_serializer("csrf")

    def token(self, visitor: Visitor) -> str:
        """Return the value of the form's hidden field."""
        return self._serializer.dumps(visitor.binding)

    def check(self, request: Request, visitor: Visitor, token: str) -> None:
        """Check that one of our pages sent the form, to this browser.

        Args:
            request: its headers name the site that sent the form.
            visitor: the visitor of the request's cookie.
            token: value of the form's hidden field.

        Raises:
            ForgedError: the form may come from another site, or its page is more than a day old.
        """
        if request.headers.get("sec-fetch-site", "none") not in _OWN_PAGE:
            raise ForgedError("This form was sent from another site. Start again on our own page.", System.OWN)
        try:
            binding = self._serializer.loads(token, max_age=_MAX_AGE_SECONDS)
        except BadSignature:
            binding = ""
        if not visitor.known or not isinstance(binding, str) or not hmac.compare_digest(binding, visitor.binding):
            raise ForgedError(
                "This form is more than a day old, or your browser did not send our cookie. Allow cookies for this"
                " site and start again.",
                System.OWN,
            )
