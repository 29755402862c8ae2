"""Who a browser is, by its own sign-on; and what the provider's claims say about a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from blendersessions.model.errors import System
from blendersessions_portal.cookies import Cookie, Site
from blendersessions_portal.identity import SignInNeededError, Visitor
from blendersessions_portal.openid.tokens import RefusedError
from blendersessions_portal.owner_name import owner_name

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.browser_cookie import BrowserCookie
    from blendersessions_portal.openid.sign_ons import SignedOn, SignOns
    from blendersessions_portal.roles import Roles

_LONGEST_NAME: Final = 128


def merged_claims(answer: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    """Return what UserInfo and the ID token say, the latter first. Who names an address says that it was checked."""
    both = {**answer, **claims}
    if answer.get("email") != claims.get("email"):
        both["email_verified"] = (claims if "email" in claims else answer).get("email_verified")
    return both


@dataclass(frozen=True)
class ClaimNames:
    """Where the provider says what.

    Attributes:
        user: holds a person's name, which never changes and belongs to nobody else.
        name: holds what the person is called.
        groups: holds the person's groups, as a list or with spaces between; empty: nothing does.
        reserved: users of Guacamole's that nobody becomes by a name.
        fold_case: whether the provider takes Alice and alice for one person.
    """

    user: str
    name: str
    groups: str
    reserved: frozenset[str]
    fold_case: bool

    def owner(self, claims: dict[str, Any]) -> str:
        """Return the Guacamole user of a person.

        Raises:
            RefusedError: the claim is missing, or is an address that the provider did not check.
        """
        value = claims.get(self.user)
        if not isinstance(value, str) or not value.strip():
            raise RefusedError(f"The provider sends no claim {self.user}.")
        checked = claims.get("email_verified")
        if self.user == "email" and checked is not True and checked != "true":
            # Anybody can write somebody else's address. Some providers never say that they checked one.
            raise RefusedError("The provider does not say that it checked the e-mail address (email_verified).")
        return owner_name(value, reserved=self.reserved, fold_case=self.fold_case)

    def called(self, claims: dict[str, Any]) -> str:
        """Return what the person is called; the claim of the user if nothing says it."""
        value = claims.get(self.name)
        text = value if isinstance(value, str) and value.strip() else str(claims[self.user])
        return "".join(character for character in text if character.isprintable())[:_LONGEST_NAME]

    def groups_of(self, claims: dict[str, Any]) -> tuple[str, ...]:
        """Return the person's groups."""
        value = claims.get(self.groups) if self.groups else None
        if isinstance(value, str):
            return tuple(filter(None, value.split(" ")))
        return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


class OpenIDIdentifier:
    """Knows browsers by the cookie of their sign-on."""

    COOKIE: Final = "blender-sign-on"

    def __init__(self, sign_ons: SignOns, roles: Roles, browsers: BrowserCookie, site: Site, seconds: int) -> None:
        self._sign_ons = sign_ons
        self._roles = roles
        self._browsers = browsers
        self._cookie = Cookie(site, self.COOKIE, seconds)

    def identify(self, request: Request) -> Visitor:
        """Return the person who signed in by this browser.

        Raises:
            SignInNeededError: nobody did, or the sign-on is over or was taken away.
        """
        signed_on = self._sign_ons.find(self.key(request))
        if signed_on is None:
            raise SignInNeededError("You are not signed in, or not any more.", System.OWN)
        return Visitor(
            owner=signed_on.owner,
            browser=signed_on.browser,
            known=True,
            name=signed_on.name,
            is_admin=self._roles.is_admin(signed_on.groups),
            classes=self._roles.classes(signed_on.groups),
            session=signed_on.session,
            seconds_left=self._sign_ons.seconds_left(signed_on),
        )

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Do nothing: a sign-on lasts as long as it lasts, however often the browser comes."""

    def key(self, request: Request) -> str:
        """Return what the browser's cookie holds; empty without one."""
        return self._cookie.read(request)

    def browser(self, request: Request) -> str:
        """Return the browser's own word, which it keeps when a sign-on is over."""
        signed_on = self._sign_ons.find(self.key(request))
        return signed_on.browser if signed_on else self._browsers.browser(request)

    def give(self, response: Response, signed_on: SignedOn) -> None:
        """Give the browser the cookies of its sign-on."""
        self._cookie.set(response, signed_on.key)
        self._browsers.remember(signed_on.browser, response)

    def take(self, response: Response) -> None:
        """Take the sign-on's cookie from the browser."""
        self._cookie.delete(response)
