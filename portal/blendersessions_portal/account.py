"""What every page shows of the person who is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier, Visitor
    from blendersessions_portal.person_tokens import PersonTokens


@dataclass(frozen=True)
class Account:
    """A person, in words.

    Attributes:
        csrf: the token of the form that signs the person out.
        can_sign_out: whether there is such a form.
        classes: the classes to choose from; there is no choice between fewer than two.
    """

    name: str
    is_admin: bool
    csrf: str
    can_sign_out: bool
    classes: tuple[str, ...] = ()


class AccountIdentifier:
    """Identifies people, and notes who it was for the page that follows."""

    def __init__(self, identifier: Identifier, guard: CsrfGuard, tokens: PersonTokens, *, can_sign_out: bool) -> None:
        self._identifier = identifier
        self._guard = guard
        self._tokens = tokens
        self._can_sign_out = can_sign_out

    def identify(self, request: Request) -> Visitor:
        """Return the visitor."""
        visitor = self._identifier.identify(request)
        if visitor.name:
            csrf = self._guard.token(visitor)
            request.state.account = Account(visitor.name, visitor.is_admin, csrf, self._can_sign_out, visitor.classes)
        return visitor

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Add to the response what identifies the visitor at the next request. Who used the browser before is out."""
        self._tokens.end_others_soon(visitor.owner, visitor.browser)
        self._identifier.remember(visitor, response)


def account_context(request: Request) -> dict[str, object]:
    """Return what the templates get for each page: the account, or None where nobody is signed in."""
    return {"account": getattr(request.state, "account", None)}
