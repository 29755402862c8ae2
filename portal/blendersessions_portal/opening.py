"""How a ready session is opened: by a token of Guacamole's in the link for guests, by the sign-on for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starlette.responses import RedirectResponse

from blendersessions.model.errors import NotFound, System, Unavailable

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions.model.user_credentials import UserCredentials
    from blendersessions_portal.browser_token_store import BrowserTokens
    from blendersessions_portal.identity import Visitor
    from blendersessions_portal.rendering import Renderer
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.session_view import SessionView
    from blendersessions_portal.signing import Signer


class Opening(Protocol):
    """Leads a browser to Blender, and out of Guacamole again."""

    async def open(self, request: Request, visitor: Visitor, session: SessionView) -> Response:
        """Return the answer that leads to a ready session of the visitor's.

        Raises:
            Unavailable: the session cannot be opened now.
        """
        ...

    async def leave(self, request: Request, visitor: Visitor, response: Response) -> None:
        """Do what is to do in Guacamole when the visitor has no session any more."""
        ...


@dataclass(frozen=True)
class GuestOpening:
    """Signs a guest in with the password that the operator made, and puts the token behind the # of the link.

    Attributes:
        public_url: what browsers open, with a trailing slash.
    """

    public_url: str
    store: SessionStore
    tokens: BrowserTokens

    async def open(self, request: Request, visitor: Visitor, session: SessionView) -> Response:
        """Return a redirect to the session, with a token that works."""
        # The token opens everything that the owner may open, so it goes to our own Guacamole only.
        target = own_address(session, self.public_url)
        token = await self.tokens.token(request, visitor, await self._credentials(visitor, session))
        response = RedirectResponse(f"{target}?token={token}", status_code=303)
        self.tokens.remember(visitor, response)
        return response

    async def leave(self, request: Request, visitor: Visitor, response: Response) -> None:
        """Sign the browser out of Guacamole."""
        await self.tokens.forget(request, visitor, response)

    async def _credentials(self, visitor: Visitor, session: SessionView) -> UserCredentials:
        try:
            return await self.store.credentials(visitor.owner)
        except NotFound as error:
            raise Unavailable(
                f"Session “{session.name}” runs, but there is no sign-in for it yet. Try again in a minute."
                " If this does not help, tell your administrator.",
                System.OWN,
            ) from error


@dataclass(frozen=True)
class PersonOpening:
    """Leads a person to the session's own address. Guacamole learns who it is from the proxy's header.

    Guacamole's page keeps its last token in the browser and would go on as the person before. So a page of ours comes
    first, whose script drops that token when another person comes, or when the person's user in Guacamole was made
    anew: a token outlives its user (exchange `user-token-after-user-delete`), and opens nothing then.

    Attributes:
        public_url: what browsers open, with a trailing slash.
        signer: turns a person's name into a word that the browser can keep.
    """

    public_url: str
    store: SessionStore
    renderer: Renderer
    signer: Signer

    async def open(self, request: Request, visitor: Visitor, session: SessionView) -> Response:
        """Return the page that goes on to the session."""
        try:
            password = (await self.store.credentials(visitor.owner)).password
        except NotFound:
            # An administrator's user, which nobody makes anew.
            password = ""
        person = self.signer.fingerprint("person", visitor.owner, password)
        return self.renderer.opening(request, own_address(session, self.public_url), person)

    async def leave(self, request: Request, visitor: Visitor, response: Response) -> None:
        """Do nothing: the person may look at other people's sessions in another tab."""


def own_address(session: SessionView, public_url: str) -> str:
    """Return where a ready session opens.

    Raises:
        Unavailable: it is not at our own Guacamole.
    """
    if not session.status.client_url.startswith(public_url + "guacamole/#/"):
        raise Unavailable(
            f"Session “{session.name}” has an address that is not below {public_url}, so it is not opened."
            " Please tell your administrator: the operator and the portal need the same PUBLIC_URL.",
            System.OWN,
        )
    return session.status.client_url
