"""Who a browser is. The pages use `Identifier` only, so a sign-on header or OpenID Connect can replace the cookie."""

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

_RANDOM_CHARACTERS = 12
"""Length of the random part of a name: 60 bits, so that even millions of visitors all get different names."""
_COOKIE_SECONDS = 30 * 24 * 3600
"""How long a browser may stay away. The signature is not older either, so a stolen cookie is of no use for ever."""


@dataclass(frozen=True)
class Visitor:
    """The person behind a request.

    Attributes:
        owner: the Guacamole user whose sessions these are.
        browser: the person's browser, which holds one Guacamole token at a time.
        known: whether the request proved who sent it. Otherwise the name is new and owns nothing yet.
    """

    owner: str
    browser: str
    known: bool


class Identifier(Protocol):
    """Identifies the sender of a request."""

    def identify(self, request: Request) -> Visitor:
        """Return the visitor; an unknown one gets a new name."""
        ...

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Add to the response what identifies the visitor at the next request."""
        ...


class AnonymousIdentifier:
    """Gives each browser a random name in a signed cookie, without any sign-up."""

    COOKIE = "blender-visitor"
    """Name of the cookie without https, or where the host has other applications beside this one."""
    HOST_COOKIE = "__Host-blender-visitor"
    """Name of the cookie otherwise. Browsers take it from this host alone, so that no sibling host can plant one."""

    def __init__(self, signer: Signer, *, secure: bool, whole_host: bool = True) -> None:
        self._serializer = signer.timed_serializer("visitor")
        self._secure = secure
        self._cookie = self.HOST_COOKIE if secure and whole_host else self.COOKIE

    def identify(self, request: Request) -> Visitor:
        """Return the visitor of the cookie; one that we did not sign, or signed more than a month ago, is ignored."""
        try:
            owner = self._serializer.loads(request.cookies.get(self._cookie, ""), max_age=_COOKIE_SECONDS)
        except BadSignature:
            owner = None
        if isinstance(owner, str) and owner:
            return Visitor(owner=owner, browser=owner, known=True)
        name = "guest-" + "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS))
        return Visitor(owner=name, browser=name, known=False)

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Set the cookie for a month. Scripts cannot read it, and forms of other sites do not send it."""
        response.set_cookie(
            self._cookie,
            self._serializer.dumps(visitor.owner),
            max_age=_COOKIE_SECONDS,
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )
