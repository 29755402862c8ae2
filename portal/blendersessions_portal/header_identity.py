"""People whom a trusted proxy names by headers, as oauth2-proxy, Authelia and Keycloak's gatekeeper do."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blendersessions.model.errors import System
from blendersessions_portal.identity import NotSignedInError, Visitor
from blendersessions_portal.owner_name import owner_name

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.browser_cookie import BrowserCookie
    from blendersessions_portal.roles import Roles
    from blendersessions_portal.trusted_proxies import TrustedProxies

logger = logging.getLogger(__name__)

_PADDING: Final = " \t"
"""What HTTP allows around a value. Any other character is part of the name."""
_NOBODY: Final = (
    "The sign-on of this site did not say who you are. Open the site by its usual address, and sign in there. If this"
    " does not help, tell your administrator: the portal's log has the reason."
)


@dataclass(frozen=True)
class HeaderNames:
    """The headers of the proxy.

    Attributes:
        user: holds a person's name, which never changes and belongs to nobody else.
        name: holds what the person is called; empty: nothing does.
        groups: holds the person's groups; empty: nothing does.
        separator: stands between two groups.
    """

    user: str
    name: str = ""
    groups: str = ""
    separator: str = ","


class HeaderIdentifier:
    """Takes people from the headers of trusted proxies, and of nobody else.

    Args:
        reserved: users of Guacamole's that nobody becomes by a name.
        fold_case: whether the sign-on takes Alice and alice for one person.
    """

    def __init__(
        self,
        names: HeaderNames,
        proxies: TrustedProxies,
        roles: Roles,
        browsers: BrowserCookie,
        *,
        reserved: frozenset[str],
        fold_case: bool,
    ) -> None:
        self._names = names
        self._proxies = proxies
        self._roles = roles
        self._browsers = browsers
        self._reserved = reserved
        self._fold_case = fold_case

    def identify(self, request: Request) -> Visitor:
        """Return the person whom the headers name.

        Raises:
            NotSignedInError: there is no name, more than one, or one from an address that is not trusted.
        """
        user = self._user(request)
        groups = self._groups(request)
        return Visitor(
            owner=owner_name(user, reserved=self._reserved, fold_case=self._fold_case),
            browser=self._browsers.browser(request),
            known=True,
            name=_printable(_text(request.headers.get(self._names.name, ""))) or _printable(user),
            is_admin=self._roles.is_admin(groups),
            classes=self._roles.classes(groups),
        )

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Keep which browser this is. Who the person is comes with each request."""
        self._browsers.remember(visitor.browser, response)

    def _user(self, request: Request) -> str:
        values = request.headers.getlist(self._names.user)
        if not self._proxies.trust(request):
            logger.warning(
                "A request came from %s, which is not among the trusted proxies. Who it is from is not known.",
                self._proxies.sender(request)[:64] or "an unknown address",
            )
            raise NotSignedInError(_NOBODY, System.OWN)
        if len(values) > 1:
            # One may be the browser's own: a proxy must replace the header, and not add to it.
            logger.warning("The header %s came %d times. Nobody is signed in by it.", self._names.user, len(values))
            raise NotSignedInError(_NOBODY, System.OWN)
        user = _text(values[0]).strip(_PADDING) if values else ""
        if not user.strip():
            logger.warning("The trusted proxy sent no readable header %s.", self._names.user)
            raise NotSignedInError(_NOBODY, System.OWN)
        return user

    def _groups(self, request: Request) -> list[str]:
        lines = request.headers.getlist(self._names.groups) if self._names.groups else []
        if len(lines) > 1:
            logger.warning("The header %s came %d times. It is ignored.", self._names.groups, len(lines))
            return []
        parts = (part.strip(_PADDING) for line in lines for part in _text(line).split(self._names.separator))
        return [part for part in parts if part]


def _text(value: str) -> str:
    """Return a header as people write it. HTTP has bytes, which all these proxies send as UTF-8; empty for others."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return ""


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:128]
