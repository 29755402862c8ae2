"""The addresses of a sign-on: to sign in, to sign out, and what the chart's proxy asks about people."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from blendersessions_portal import csrf
from blendersessions_portal.identity import NotSignedInError
from blendersessions_portal.shown_token import UnclearTokenError, shown_token

if TYPE_CHECKING:
    from starlette.requests import Request

    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier
    from blendersessions_portal.person_tokens import PersonTokens
    from blendersessions_portal.rendering import Renderer

logger = logging.getLogger(__name__)

PERSON_HEADER: Final = "X-Person"
"""Header of the answer to the proxy: the Guacamole user of the person."""
TOKEN_HEADER: Final = "Guacamole-Token"  # noqa: S105 - the name of a header
QUERY_HEADER: Final = "X-Guacamole-Query"
"""Header of the proxy's question: the query of the browser's request, as it stands there."""
_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_FIELDS: Final = 2
_LONGEST_ADDRESS: Final = 512
"""Sign-ins under way hold addresses in a cookie, and browsers drop one of 4096 bytes."""


def local_address(address: str) -> str:
    """Return an address of this site; the home page in place of any other, and of a very long one."""
    return address if len(address) <= _LONGEST_ADDRESS and _LOCAL.fullmatch(address) else "/"


@dataclass(frozen=True)
class SignOnPages:
    """The endpoints for people whom a proxy signs in.

    Attributes:
        sign_out_url: where the proxy signs people out; empty if it does not.
    """

    identifier: Identifier
    guard: CsrfGuard
    tokens: PersonTokens
    renderer: Renderer
    sign_out_url: str

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        return [
            Route("/internal/person", self.person),
            Route("/sign-in", self.sign_in),
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def person(self, request: Request) -> Response:
        """Say to the proxy who sends a request: 200 with the person, 401 for nobody, 403 with somebody else's token."""
        try:
            visitor = self.identifier.identify(request)
            token = shown_token(request.headers.getlist(TOKEN_HEADER), request.headers.get(QUERY_HEADER, ""))
            if token and not await self.tokens.admits(visitor, token):
                return PlainTextResponse("The token is somebody else's. Load the page again.\n", 403)
            # The sign-on may have ended while Guacamole was asked.
            self.identifier.identify(request)
        except NotSignedInError as error:
            return PlainTextResponse(f"{error}\n", 401)
        except UnclearTokenError as error:
            return PlainTextResponse(f"{error} Load the page again.\n", 403)
        response = PlainTextResponse("ok\n", headers={PERSON_HEADER: visitor.owner})
        # The proxy hands it on with Guacamole's page, where a person may begin.
        self.identifier.remember(visitor, response)
        return response

    async def sign_in(self, request: Request) -> Response:
        """Go on to the page that asked for a sign-in, if there is a person now."""
        visitor = self.identifier.identify(request)
        await self.tokens.end_others(visitor.owner, visitor.browser)
        return RedirectResponse(local_address(request.query_params.get("next", "/")), status_code=303)

    async def sign_out(self, request: Request) -> Response:
        """End the person's tokens in this browser, and go to where the proxy signs people out."""
        visitor = self.identifier.identify(request)
        form = await request.form(max_files=0, max_fields=_FIELDS)
        self.guard.check(request, visitor, str(form.get(csrf.FIELD, "")))
        await self.tokens.end(visitor.owner, visitor.browser)
        logger.info("%s signed out.", visitor.owner)
        return forgotten(self.renderer.leaving(request, self.sign_out_url or "/"))


def forgotten(response: Response) -> Response:
    """Have the browser drop what Guacamole's page keeps in it: the token, and small pictures of desktops."""
    response.headers["Clear-Site-Data"] = '"storage"'
    return response
