"""Who a browser is. The pages know only `Identifier`; a sign-on header or OpenID Connect can take its place."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from itsdangerous import BadSignature

from blendersessions.model.names import ALPHABET

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.signing import Signer


_RANDOM_CHARACTERS = 12  # 60 bits: strangers must never get the same name, also after millions of visits
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Visitor:
    """The person behind a request.

    Attributes:
        owner: the Guacamole user whose sessions these are.
        browser: this browser of theirs; it holds one Guacamole token at a time.
        known: the request proved who it is; otherwise the name was made just now and owns nothing yet.
    """

    owner: str
    browser: str
    known: bool


class Identifier(Protocol):
    """Tells who sent a request."""

    def identify(self, request: Request) -> Visitor:
        """Give the visitor; somebody unknown gets a new name."""
        ...

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Have the browser say the same the next time."""
        ...


class AnonymousIdentifier:
    """Gives each browser a random name in a signed cookie; nobody signs up or in."""

    COOKIE = "blender-visitor"

    def __init__(self, signer: Signer, *, secure: bool) -> None:
        self._serializer = signer.serializer("visitor")
        self._secure = secure

    def identify(self, request: Request) -> Visitor:
        """Read the cookie; one that we did not sign counts as none."""
        try:
            owner = self._serializer.loads(request.cookies.get(self.COOKIE, ""))
        except BadSignature:
            owner = None
        if isinstance(owner, str) and owner:
            return Visitor(owner=owner, browser=owner, known=True)
        name = "guest-" + "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS))
        return Visitor(owner=name, browser=name, known=False)

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Set the cookie for a year from now; scripts cannot read it, other sites' forms do not send it."""
        response.set_cookie(
            self.COOKIE,
            self._serializer.dumps(visitor.owner),
            max_age=_YEAR,
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )
