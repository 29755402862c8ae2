"""Who a browser is. The pages use `Identifier` only, whether a guest's cookie, a header or OpenID Connect says it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from itsdangerous import BadSignature

from blendersessions.model.errors import DomainError
from blendersessions.model.names import ALPHABET
from blendersessions.model.session import DEFAULT_CLASS
from blendersessions_portal.cookies import HOST_PREFIX, Cookie, Site

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.signing import Signer

_RANDOM_CHARACTERS = 12
"""Length of the random part of a name: 60 bits, so that even millions of visitors all get different names."""
_COOKIE_SECONDS = 30 * 24 * 3600
"""How long a browser may stay away. The signature is not older either, so a stolen cookie is of no use for ever."""


class NotSignedInError(DomainError):
    """Nobody that the portal trusts said who sent the request."""


class SignInNeededError(NotSignedInError):
    """The person has to sign in, which the portal itself can start."""


@dataclass(frozen=True)
class ProviderSession:
    """By what an OpenID provider calls a sign-on. Both are empty where there is no provider.

    Attributes:
        subject: the person (`sub`).
        name: the provider's own session (`sid`); empty if it does not say.
    """

    subject: str = ""
    name: str = ""

    def is_meant(self, subject: str, name: str) -> bool:
        """Return whether a person, a session, or both together mean this one. Nothing means none.

        A provider may name the session only when it ends. Then all of the person's without a name are meant.
        """
        if not subject:
            return bool(name) and name == self.name
        return subject == self.subject and (not name or not self.name or name == self.name)


@dataclass(frozen=True)
class Visitor:
    """The person behind a request.

    Attributes:
        owner: the Guacamole user whose sessions these are.
        browser: the person's browser, which holds one Guacamole token at a time.
        known: whether the request proved who sent it. Otherwise the name is new and owns nothing yet.
        name: what the person is called on pages; empty for a guest.
        is_admin: whether one of the person's groups makes administrators.
        classes: the classes that the person may choose from, the first by default; empty for the default class alone.
        session: the sign-on, as an OpenID provider knows it.
        seconds_left: how long the sign-on still lasts; None if it has no end that the portal knows.
    """

    owner: str
    browser: str
    known: bool
    name: str = ""
    is_admin: bool = False
    classes: tuple[str, ...] = ()
    session: ProviderSession = ProviderSession()
    seconds_left: float | None = field(default=None, compare=False)

    @property
    def class_name(self) -> str:
        """The class of a session for which nobody chooses one."""
        return self.classes[0] if self.classes else DEFAULT_CLASS

    @property
    def binding(self) -> str:
        """What a form belongs to: this browser, while this person uses it."""
        return self.browser if self.browser == self.owner else f"{self.owner} {self.browser}"


class Identifier(Protocol):
    """Identifies the sender of a request."""

    def identify(self, request: Request) -> Visitor:
        """Return the visitor; a guest who is unknown gets a new name.

        Raises:
            NotSignedInError: the portal has no guests, and nobody says who this is.
        """
        ...

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Add to the response what identifies the visitor at the next request."""
        ...


class AnonymousIdentifier:
    """Gives each browser a random name in a signed cookie, without any sign-up."""

    COOKIE = "blender-visitor"
    """Name of the cookie without https, or where the host has other applications beside this one."""
    HOST_COOKIE = HOST_PREFIX + COOKIE
    """Name of the cookie otherwise. Browsers take it from this host alone, so that no sibling host can plant one."""

    def __init__(self, signer: Signer, *, secure: bool, whole_host: bool = True) -> None:
        self._serializer = signer.timed_serializer("visitor")
        self._cookie = Cookie(Site(secure=secure, whole_host=whole_host), self.COOKIE, _COOKIE_SECONDS)

    def identify(self, request: Request) -> Visitor:
        """Return the visitor of the cookie; one that we did not sign, or signed more than a month ago, is ignored."""
        try:
            owner = self._serializer.loads(self._cookie.read(request), max_age=_COOKIE_SECONDS)
        except BadSignature:
            owner = None
        if isinstance(owner, str) and owner:
            return Visitor(owner=owner, browser=owner, known=True)
        name = "guest-" + "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS))
        return Visitor(owner=name, browser=name, known=False)

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Set the cookie for a month. Scripts cannot read it, and forms of other sites do not send it."""
        self._cookie.set(response, self._serializer.dumps(visitor.owner))
