"""One Guacamole token for each browser, in memory and in a cookie.

Memory is for two clicks at the same time. The cookie is for a restart of the portal and for other replicas. No script
can read the cookie, and no page contains the token.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from itsdangerous import BadSignature

from blendersessions.clients.guacamole.token_cache import CachedToken, TokenCache
from blendersessions_portal.cookies import Cookie

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions.clients.guacamole.token_cache import SignIn
    from blendersessions.model.user_credentials import UserCredentials
    from blendersessions_portal.cookies import Site
    from blendersessions_portal.identity import Visitor
    from blendersessions_portal.signing import Signer

_MAX_BROWSERS = 10_000
"""Browsers whose tokens are kept in memory. A browser beyond them still has its cookie."""
_COOKIE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class _BrowserTokenStore:
    """The token of one browser: in the cookie that it sent, and in the memory of all browsers."""

    browser: str
    cookie: CachedToken | None
    memory: OrderedDict[str, CachedToken]

    def candidates(self) -> Sequence[CachedToken]:
        """Return the cookie's token first: another replica may have renewed it. The one in memory follows."""
        found = (self.cookie, self.memory.get(self.browser))
        return list(dict.fromkeys(kept for kept in found if kept is not None))

    def keep(self, token: CachedToken) -> None:
        self.memory[self.browser] = token
        self.memory.move_to_end(self.browser)
        if len(self.memory) > _MAX_BROWSERS:
            self.memory.popitem(last=False)


class BrowserTokens:
    """The tokens of all browsers.

    Args:
        guacamole: signs in and out.
        signer: signs the cookies.
        site: the site whose cookies they are.
        clock: a monotonic clock in seconds.
    """

    COOKIE = "blender-guacamole"
    COOKIE_PATH = "/sessions"

    def __init__(
        self, guacamole: SignIn, signer: Signer, site: Site, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cache = TokenCache(guacamole, secret=signer.fingerprint("token-cache"), clock=clock)
        self._serializer = signer.timed_serializer("guacamole-token")
        self._kept = Cookie(site, self.COOKIE, _COOKIE_SECONDS, self.COOKIE_PATH)
        self._memory: OrderedDict[str, CachedToken] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def token(self, request: Request, visitor: Visitor, credentials: UserCredentials) -> str:
        """Return the browser's token: the kept one while it works, else a new one.

        Raises:
            Unauthorised: Guacamole refuses the credentials.
            Unavailable: Guacamole does not answer.
        """
        async with self._lock(visitor.browser):
            return await self._cache.token(self._store(request, visitor), credentials)

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Add the browser's token to the response, as a cookie."""
        if kept := self._memory.get(visitor.browser):
            self._kept.set(response, self._serializer.dumps([visitor.browser, kept.token, kept.fingerprint]))

    async def forget(self, request: Request, visitor: Visitor, response: Response) -> None:
        """Sign the browser out of Guacamole, and delete its token from memory and from the cookie."""
        async with self._lock(visitor.browser):
            for kept in self._store(request, visitor).candidates():
                await self._cache.sign_out(kept)
            self._memory.pop(visitor.browser, None)
        self._kept.delete(response)

    def _lock(self, browser: str) -> asyncio.Lock:
        return self._locks.setdefault(browser, asyncio.Lock())

    def _store(self, request: Request, visitor: Visitor) -> _BrowserTokenStore:
        return _BrowserTokenStore(visitor.browser, self._cookie(request, visitor), self._memory)

    def _cookie(self, request: Request, visitor: Visitor) -> CachedToken | None:
        try:
            # An older version gave it the name without a prefix. A new token in its place would throw the old one out.
            cookie = self._kept.read(request) or request.cookies.get(self.COOKIE, "")
            browser, token, fingerprint = self._serializer.loads(cookie, max_age=_COOKIE_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return None
        return CachedToken(token, fingerprint) if browser == visitor.browser else None
