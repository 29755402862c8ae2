"""One Guacamole token for each browser, for as long as it lives.

Two tokens of one browser throw each other out, and a link with a dead token locks the person out. So a token is checked
on each click, kept while it works, and replaced only when it does not. It stays in memory for two clicks at the same
time, and in a cookie that no script can read for restarts of the portal; it is never part of a page.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from itsdangerous import BadSignature

from blendersessions.model.errors import DomainError, Unauthorised

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions.model.user_credentials import UserCredentials
    from blendersessions_portal.identity import Visitor
    from blendersessions_portal.signin import GuacamoleSignIn
    from blendersessions_portal.signing import Signer

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

_REMEMBERED_BROWSERS = 10_000
_DAY = 24 * 3600

# Guacamole bans an address after five refusals within five minutes, and ours is everybody's.
_REFUSED_SECONDS = 90.0


@dataclass(frozen=True, repr=False)
class _Kept:
    token: str
    made_for: str


class TokenKeeper:
    """Keeps the tokens."""

    COOKIE = "blender-guacamole"
    COOKIE_PATH = "/sessions"

    def __init__(
        self,
        signin: GuacamoleSignIn,
        signer: Signer,
        *,
        secure: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signin = signin
        self._signer = signer
        self._serializer = signer.serializer("guacamole-token")
        self._secure = secure
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._refusals: OrderedDict[str, tuple[float, Unauthorised]] = OrderedDict()
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def token(self, request: Request, visitor: Visitor, credentials: UserCredentials) -> str:
        """Give the browser's token, a new one only if the one it has does not work.

        Raises:
            Unauthorised: Guacamole refuses the credentials.
            Unavailable: Guacamole does not answer.
        """
        # Guacamole keeps a token alive when its user is deleted and made anew, but then it opens nothing: the
        # fingerprint tells whether it was made for the user that there is now.
        made_for = self._signer.fingerprint(visitor.browser, credentials.username, credentials.password)
        async with self._lock(visitor.browser):
            for kept in self._candidates(request, visitor):
                if kept.made_for != made_for:
                    await self._sign_out(kept)
                elif await self._signin.is_alive(kept.token):
                    self._keep(visitor, kept)
                    return kept.token
            fresh = _Kept(await self._sign_in(credentials, made_for), made_for)
            self._keep(visitor, fresh)
            return fresh.token

    def remember(self, visitor: Visitor, response: Response) -> None:
        """Have the browser bring the token along after a restart of the portal."""
        if kept := self._kept.get(visitor.browser):
            response.set_cookie(
                self.COOKIE,
                self._serializer.dumps([visitor.browser, kept.token, kept.made_for]),
                max_age=_DAY,
                path=self.COOKIE_PATH,
                httponly=True,
                samesite="lax",
                secure=self._secure,
            )

    async def forget(self, request: Request, visitor: Visitor, response: Response) -> None:
        """Sign the browser out at Guacamole, when nothing is left that its token could open."""
        async with self._lock(visitor.browser):
            for kept in self._candidates(request, visitor):
                await self._sign_out(kept)
            self._kept.pop(visitor.browser, None)
        response.delete_cookie(self.COOKIE, path=self.COOKIE_PATH, httponly=True, samesite="lax", secure=self._secure)

    def _lock(self, browser: str) -> asyncio.Lock:
        return self._locks.setdefault(browser, asyncio.Lock())

    def _candidates(self, request: Request, visitor: Visitor) -> list[_Kept]:
        """Give the cookie's token, which another replica may have renewed, then the one in memory."""
        found = []
        try:
            browser, token, made_for = self._serializer.loads(request.cookies.get(self.COOKIE, ""))
            if browser == visitor.browser:
                found.append(_Kept(token, made_for))
        except (BadSignature, ValueError, TypeError):
            pass
        kept = self._kept.get(visitor.browser)
        if kept and kept not in found:
            found.append(kept)
        return found

    def _keep(self, visitor: Visitor, kept: _Kept) -> None:
        self._kept[visitor.browser] = kept
        self._kept.move_to_end(visitor.browser)
        _limit(self._kept)

    async def _sign_in(self, credentials: UserCredentials, made_for: str) -> str:
        refusal = self._refusals.get(made_for)
        if refusal and self._clock() < refusal[0]:
            raise refusal[1]
        try:
            token = await self._signin.sign_in(credentials)
        except Unauthorised as error:
            self._refusals[made_for] = (self._clock() + _REFUSED_SECONDS, error)
            _limit(self._refusals)
            raise
        self._refusals.pop(made_for, None)
        logger.info("%s was signed in at Guacamole.", credentials.username)
        return token

    async def _sign_out(self, kept: _Kept) -> None:
        try:
            await self._signin.sign_out(kept.token)
        except DomainError as error:
            # Without use the token dies by itself within the hour.
            logger.warning("A token could not be signed out: %s", error)


def _limit(remembered: OrderedDict[str, _T]) -> None:
    """Forget the oldest, so that memory has a bound."""
    while len(remembered) > _REMEMBERED_BROWSERS:
        remembered.popitem(last=False)
