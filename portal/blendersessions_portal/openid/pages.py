"""The addresses of a sign-on by OpenID Connect: in, back from the provider, out, and what the provider itself calls."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from blendersessions_portal import csrf
from blendersessions_portal.identity import NotSignedInError, ProviderSession, SignInNeededError
from blendersessions_portal.openid.tokens import RefusedError
from blendersessions_portal.sign_on_pages import SignOnPages, forgotten, local_address

if TYPE_CHECKING:
    from starlette.requests import Request

    from blendersessions_portal.openid.flows import Flow, Flows
    from blendersessions_portal.openid.identity import ClaimNames, OpenIDIdentifier
    from blendersessions_portal.openid.logout import LogoutTokens
    from blendersessions_portal.openid.provider import Provider
    from blendersessions_portal.openid.sign_ons import SignedOn, SignOns
    from blendersessions_portal.rendering import Renderer

logger = logging.getLogger(__name__)

CALLBACK: Final = "sign-in/callback"
SIGNED_OUT: Final = "signed-out"
SCRIPT_HEADER: Final = "X-Requested-With"
"""Header of what our scripts ask, which cannot go to the provider."""
_NOT_DOCUMENTS: Final = ("image/", "text/event-stream")
_MAX_FIELDS: Final = 4
_FAILED: Final = (
    "The sign-in was not finished: it took too long, or this browser keeps no cookies. Try it again, and tell your"
    " administrator if it stays."
)
_REFUSED: Final = (
    "The sign-on did not let you in here. If you have another account, try again with that one. If not, ask your"
    " administrator."
)


@dataclass(frozen=True)
class OpenIDPages:
    """The endpoints, and the parts that they use.

    Attributes:
        public_url: what browsers open, with a trailing slash.
    """

    public_url: str
    identifier: OpenIDIdentifier
    provider: Provider
    flows: Flows
    sign_ons: SignOns
    claims: ClaimNames
    logout_tokens: LogoutTokens
    renderer: Renderer
    common: SignOnPages

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        return [
            Route("/internal/person", self.common.person),
            Route("/sign-in", self.sign_in),
            Route(f"/{CALLBACK}", self.callback),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route(f"/{SIGNED_OUT}", self.signed_out),
            Route("/sign-on/back-channel", self.back_channel, methods=["POST"]),
            Route("/sign-on/front-channel", self.front_channel),
        ]

    async def sign_in(self, request: Request) -> Response:
        """Send a person to the provider; one who is signed in goes on at once."""
        target = local_address(request.query_params.get("next", "/"))
        try:
            self.identifier.identify(request)
        except SignInNeededError:
            flow, flows = self.flows.begin(request, target)
            place = await self.provider.authorisation(flow.state, flow.nonce, flow.verifier)
            response = RedirectResponse(place, status_code=303)
            self.flows.keep(response, flows)
            return response
        return RedirectResponse(target, status_code=303)

    async def callback(self, request: Request) -> Response:
        """Take a person back from the provider."""
        flow, others = self.flows.find(request, request.query_params.get("state", ""))
        if flow is None:
            return self._without_flow(request)
        try:
            signed_on = await self._finished(request, flow)
        except RefusedError as error:
            logger.warning("A sign-in was refused: %s", error)
            response = self._problem(request, "You are not signed in", _REFUSED, flow.target)
            self.flows.keep(response, others)
            return response
        # Whoever used this browser before does so no more.
        await self.common.tokens.end_others(signed_on.owner, signed_on.browser)
        logger.info("%s signed in.", signed_on.owner)
        response = RedirectResponse(flow.target, status_code=303)
        self.flows.keep(response, others)
        self.identifier.give(response, signed_on)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the sign-on of this browser, with its desktops, and go to where the provider ends its own."""
        visitor = self.identifier.identify(request)
        form = await request.form(max_files=0, max_fields=_MAX_FIELDS)
        self.common.guard.check(request, visitor, str(form.get(csrf.FIELD, "")))
        signed_on = self.sign_ons.end(self.identifier.key(request))
        await self.common.tokens.end(visitor.owner, visitor.browser)
        logger.info("%s signed out.", visitor.owner)
        place = await self.provider.sign_out(signed_on.id_token if signed_on else "", self.public_url + SIGNED_OUT)
        response = forgotten(self.renderer.leaving(request, place))
        self.identifier.take(response)
        return response

    async def signed_out(self, request: Request) -> Response:
        """Say that nobody is signed in here any more."""
        return self.renderer.signed_out(request)

    async def back_channel(self, request: Request) -> Response:
        """End sign-ons that the provider has ended (Back-Channel Logout 1.0, section 2.8)."""
        form = await request.form(max_files=0, max_fields=_MAX_FIELDS)
        try:
            subject, session = await self.logout_tokens.read(str(form.get("logout_token", "")))
        except RefusedError as error:
            logger.warning("A logout token was refused: %s", error)
            return JSONResponse({"error": "invalid_request"}, 400)
        ended = await self._end_session(subject, session)
        if ended:
            logger.info("The provider ended %d sign-ons.", ended)
        else:
            logger.warning("The provider ended a sign-on that the portal does not know, or that was over.")
        return PlainTextResponse("ok\n")

    async def front_channel(self, request: Request) -> Response:
        """End sign-ons of a provider's session (Front-Channel Logout 1.0, section 2).

        Browsers send no cookie along from the provider's page, so the session must be named.
        """
        issuer, session = (request.query_params.get(key, "") for key in ("iss", "sid"))
        if issuer == self.provider.issuer and session:
            await self._end_session("", session)
        return PlainTextResponse("ok\n")

    async def _finished(self, request: Request, flow: Flow) -> SignedOn:
        given = request.query_params
        if given.get("error"):
            raise RefusedError(f"The provider answered {given['error'][:60]!r}.")
        if given.get("iss", self.provider.issuer) != self.provider.issuer:
            # RFC 9207: the answer of another provider.
            raise RefusedError("The answer is another provider's.")
        if not given.get("code"):
            raise RefusedError("The answer has no code.")
        grant = await self.provider.exchange(given["code"], flow.nonce, flow.verifier)
        owner, groups = self.claims.owner(grant.claims), self.claims.groups_of(grant.claims)
        session = ProviderSession(str(grant.claims["sub"]), str(grant.claims.get("sid") or ""))
        browser = self.identifier.browser(request)
        self.sign_ons.end(self.identifier.key(request))
        return self.sign_ons.add(owner, self.claims.called(grant.claims), groups, session, grant.id_token, browser)

    async def needed(self, request: Request, error: Exception) -> Response:
        """Lead a person who is not signed in to the sign-in. What a form or a script sent is lost, which is said."""
        text = f"{error} Sign in, and then try again."
        if not _is_for_document(request):
            return JSONResponse({"message": text}, 401)
        if request.method not in {"GET", "HEAD"}:
            return self._problem(request, "You are not signed in", text, "/", status=401)
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(sign_in_address(request.url.path + query), status_code=303)

    def _without_flow(self, request: Request) -> Response:
        """Answer the Back button, a second click, or an answer that comes too late."""
        try:
            self.identifier.identify(request)
        except NotSignedInError:
            return self._problem(request, "You are not signed in", _FAILED, "/")
        return RedirectResponse("/", status_code=303)

    def _problem(self, request: Request, title: str, text: str, target: str, *, status: int = 403) -> Response:
        return self.renderer.problem(request, title, text, status, retry=sign_in_address(target), label="Sign in")

    async def _end_session(self, subject: str, session: str) -> int:
        """End sign-ons that the provider names, and desktops that were opened by them; also where they were over."""
        ended = self.sign_ons.end_all(subject, session)
        for each in ended:
            await self.common.tokens.end(each.owner, each.browser)
        await self.common.tokens.end_session(subject, session)
        return len(ended)


def _is_for_document(request: Request) -> bool:
    """Return whether a person waits for a page. Browsers say so by https alone; by http it is guessed."""
    headers = request.headers
    destination = headers.get("sec-fetch-dest")
    if destination is not None:
        return destination == "document"
    return SCRIPT_HEADER not in headers and not headers.get("accept", "").startswith(_NOT_DOCUMENTS)


def sign_in_address(target: str) -> str:
    """Return where a person signs in and comes back to a page of ours."""
    return f"/sign-in?{urlencode({'next': target})}"
