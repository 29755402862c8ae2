"""Sign-ins under way, in a cookie of the browser that began them: only that browser can finish them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from itsdangerous import BadSignature

from blendersessions_portal.cookies import Cookie, Site

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.signing import Signer

_SECONDS: Final = 600
_MAX_FLOWS: Final = 4
"""Sign-ins that one browser may have under way: one for each of some tabs. The cookie stays small."""


@dataclass(frozen=True)
class Flow:
    """One sign-in.

    Attributes:
        state: comes back with the answer.
        nonce: comes back in the token.
        verifier: proves to the provider that who redeems the code began the sign-in.
        target: the page that the person wanted.
    """

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    target: str


class Flows:
    """The sign-ins of all browsers. The cookie is signed, and no script can read it."""

    COOKIE: Final = "blender-sign-in"

    def __init__(self, signer: Signer, site: Site) -> None:
        self._serializer = signer.timed_serializer("sign-in")
        self._cookie = Cookie(site, self.COOKIE, _SECONDS)

    def begin(self, request: Request, target: str) -> tuple[Flow, list[Flow]]:
        """Return a new sign-in, and all that the browser has now."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = Flow(state, nonce, verifier, target)
        return flow, [*self._under_way(request), flow][-_MAX_FLOWS:]

    def find(self, request: Request, state: str) -> tuple[Flow | None, list[Flow]]:
        """Return the sign-in that an answer belongs to, and the others."""
        kept = self._under_way(request)
        found = next((flow for flow in kept if secrets.compare_digest(flow.state.encode(), state.encode())), None)
        return found, [flow for flow in kept if flow is not found]

    def keep(self, response: Response, flows: list[Flow]) -> None:
        """Have the browser keep these sign-ins, and no others."""
        if flows:
            values = [[flow.state, flow.nonce, flow.verifier, flow.target] for flow in flows]
            self._cookie.set(response, self._serializer.dumps(values))
        else:
            self._cookie.delete(response)

    def _under_way(self, request: Request) -> list[Flow]:
        try:
            values = self._serializer.loads(self._cookie.read(request), max_age=_SECONDS)
            return [Flow(*(str(part) for part in value)) for value in values]
        except (BadSignature, TypeError, ValueError):
            return []
